"""What to tell a user whose input is at fault."""

from __future__ import annotations

from bench.text import printable, shortened
from user_code.names import suggestion

__all__ = [
    "DamagedError",
    "DivergedError",
    "InputError",
    "TrainingError",
    "needs_extra",
    "suggestion",
]

MAX_LENGTH = 1000  # characters of a line that tells of a mistake


class InputError(Exception):
    """A mistake in the input: one line that says what, where, and what would be right.

    The command line prints it without a traceback and exits with code 2.

    Args:
        text: the line; where a user's own text in it is long or has line breaks, it is cut, and
            they are spelled out.
    """

    def __init__(self, text: str) -> None:
        super().__init__(shortened(printable(text), MAX_LENGTH))


class DamagedError(InputError):
    """What a study keeps is not what was written."""


class TrainingError(Exception):
    """A cell cannot be trained or go on: one line that says why. The rest of the grid can."""


class DivergedError(TrainingError):
    """A loss, a prediction or a weight is not finite any more."""


def needs_extra(what: str, package: str, extra: str) -> InputError:
    """Return the error of what needs a package that is not installed, and is of an extra."""
    return InputError(f"{what}: needs {package}: pip install -e '.[{extra}]' in the checkout")
