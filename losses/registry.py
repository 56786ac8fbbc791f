"""Which losses are there?

A loss is found by its file: `losses/terms/ssim.py` holds the loss `ssim`. The names are read from
the folder and a file is imported only when its loss is used, so that listing costs no torch.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from losses import terms
from losses.errors import LossError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from losses.loss import Loss


def names() -> list[str]:
    """Return the names of all losses, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(terms.__path__))


def load(name: str) -> Loss:
    """Return the loss called `name`; the first use imports it.

    Raises:
        LossError: There is no such loss.
    """
    if name not in names():
        raise LossError(f"unknown loss {name!r}{nearest(name, names())}")
    loss: Loss = getattr(importlib.import_module(f"losses.terms.{name}"), name)
    return loss


def source_of(name: str) -> Path:
    """Return the file that defines a loss.

    Raises:
        LossError: There is no such loss.
    """
    for module in pkgutil.iter_modules(terms.__path__):
        if module.name == name:
            return Path(module.module_finder.path) / f"{name}.py"  # type: ignore[union-attr]
    raise LossError(f"unknown loss {name!r}{nearest(name, names())}")


def nearest(wrong: str, choices: Iterable[str]) -> str:
    """Return the end of an error text about a misspelt name: the nearest choice, then all."""
    choices = sorted(choices)
    by_lower_case = {choice.lower(): choice for choice in choices}
    matches = difflib.get_close_matches(wrong.lower(), by_lower_case, n=1)
    question = f"; did you mean {by_lower_case[matches[0]]!r}?" if matches else ""
    return f"{question} (choices: {', '.join(choices) or 'none'})"
