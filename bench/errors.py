"""What to tell a user whose input is at fault."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from bench.text import printable, shortened

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


def suggestion(word: str, choices: Iterable[str]) -> str:
    """The end of an error line: the nearest of the choices, if one is near, and all of them."""
    choices = list(choices)
    by_lower_case = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    meant = f"; did you mean {by_lower_case[near[0]]!r}?" if near else ";"
    return f"{meant} (choices: {', '.join(choices)})"
