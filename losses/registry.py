"""Which losses are there?

A loss is found by its file: `losses/terms/ssim.py` holds the loss `ssim`. The names are read from
the folder and a file is imported only when its loss is used, so that listing costs no torch. A
user's own one is called `path/to/file.py:name`, see `losses.own`.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from user_code.names import suggestion

from losses import own, terms
from losses.errors import LossError

if TYPE_CHECKING:
    from losses.loss import Loss


def names() -> list[str]:
    """Return the names of all losses of this package, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(terms.__path__))


def load(name: str) -> Loss:
    """Return the loss called `name`; the first use imports it.

    Raises:
        LossError: There is no such loss, or a user's file cannot be imported.
    """
    if own.is_own_code(name):
        return own.load(name)
    if name not in names():
        raise unknown(name)
    loss: Loss = getattr(importlib.import_module(f"losses.terms.{name}"), name)
    return loss


def source_of(name: str) -> Path:
    """Return the file that defines a loss.

    Raises:
        LossError: There is no such loss.
    """
    if own.is_own_code(name):
        return own.source_of(name)
    for module in pkgutil.iter_modules(terms.__path__):
        if module.name == name:
            return Path(module.module_finder.path) / f"{name}.py"  # type: ignore[union-attr]
    raise unknown(name)


def unknown(name: str, where: str = "") -> LossError:
    """Return the error of a name that no loss has; `where` it stands, as in ` at column 3`."""
    choices = [*names(), own.SPELLING]
    return LossError(f"unknown loss {name!r}{where}{suggestion(name, choices)}")
