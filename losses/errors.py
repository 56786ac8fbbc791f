"""The one error that a caller of this package has to expect."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class LossError(ValueError):
    """A loss or an expression that makes no sense; one line that says what would be right."""


def nearest(wrong: str, choices: Iterable[str]) -> str:
    """Return the end of an error text about a misspelt name: the nearest choice, then all."""
    choices = sorted(choices)
    by_lower_case = {choice.lower(): choice for choice in choices}
    matches = difflib.get_close_matches(wrong.lower(), by_lower_case, n=1)
    question = f"; did you mean {by_lower_case[matches[0]]!r}?" if matches else ""
    return f"{question} (choices: {', '.join(choices) or 'none'})"
