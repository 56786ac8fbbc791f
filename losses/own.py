"""A user's own loss: `path/to/file.py:name`, the path relative to the working folder."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from user_code import find_file, importing, load_file
from user_code.names import suggestion

from losses.errors import LossError

if TYPE_CHECKING:
    from losses.loss import Loss

SPELLING = "path/to/file.py:NAME"
SPEC = re.compile(r"""[^\s+*(),#'"]+\.py:[^\W\d]\w*""")
PATHS = "; a path has no space and none of + * ( ) , # and quotation marks"


def is_own_code(name: str) -> bool:
    """Return whether a loss is one of a user's file, and none of this package."""
    return SPEC.fullmatch(name) is not None


def own_losses(expression: str) -> list[str]:
    """Return the losses of users' files that an expression names, in its order."""
    return SPEC.findall(expression)


def without_folders(expression: str) -> str:
    """Return an expression, or a loss's name, with each file's name in place of its path."""
    return SPEC.sub(lambda spec: PurePath(spec[0]).name, expression)


def load(spec: str) -> Loss:
    """Return the loss of a user's file; the first use runs the file.

    Raises:
        LossError: There is no such file or no such loss in it, or it cannot be imported.
    """
    from losses.loss import Loss  # noqa: PLC0415  imports torch

    path, name = source_of(spec), spec.rpartition(":")[2]
    try:
        with importing():
            module = load_file(path)
    except ImportError as error:
        raise LossError(f"{spec}: {error}") from error
    found = getattr(module, name, None)
    if not isinstance(found, Loss):
        there = [other for other, value in vars(module).items() if isinstance(value, Loss)]
        raise LossError(f"{spec}: no @loss is called {name!r}{suggestion(name, sorted(there))}")
    return replace(found, name=spec)  # by which it is pickled


def source_of(spec: str) -> Path:
    """Return the file that defines a user's loss.

    Raises:
        LossError: There is no such file.
    """
    where = spec.rpartition(":")[0]
    path = find_file(where)
    if path is None:
        raise LossError(f"{spec}: there is no file {where} (looked in {Path.cwd()})")
    return path.resolve()
