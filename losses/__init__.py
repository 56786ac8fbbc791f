"""Losses by name, and expressions over them.

    >>> import losses
    >>> losses.names()
    ['bce', 'berhu', 'cosine', ...]
    >>> objective = losses.parse("bce + 0.5*ssim(window=7)")
    >>> objective(logits, target, valid)  # (B,), one value per image

One loss is one file in `losses/terms/`; nothing else has to know of it. Importing this package,
listing the names and reading an expression without options does not import torch.
"""

from losses.errors import LossError
from losses.expression import parse
from losses.objective import Objective, Term
from losses.registry import load, names, source_of

__all__ = ["LossError", "Objective", "Term", "load", "names", "parse", "source_of"]
