"""Losses by name, and expressions over them.

    >>> import losses
    >>> losses.names()
    ['bce', 'berhu', 'cosine', ...]
    >>> objective = losses.parse("bce + 0.5*ssim(window=7)")
    >>> objective(logits, target, valid)  # (B,), one value per image

One loss is one file in `losses/terms/`; nothing else has to know of it. A user's own one is called
`path/to/file.py:name`. Importing this package, listing the names and reading an expression without
options or users' losses does not import torch.
"""

from losses.errors import LossError
from losses.expression import names_in, parse
from losses.objective import Objective, Term
from losses.own import is_own_code, own_losses, without_folders
from losses.registry import load, names, source_of

__all__ = [
    "LossError",
    "Objective",
    "Term",
    "is_own_code",
    "load",
    "names",
    "names_in",
    "own_losses",
    "parse",
    "source_of",
    "without_folders",
]
