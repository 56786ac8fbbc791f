"""The one error a caller of this package has to expect."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ArchitectureError(ValueError):
    """A network or an option that cannot be had; one line that says what would be right."""


def did_you_mean(wrong: str, choices: Iterable[str]) -> str:
    """Return `; did you mean 'unet'?` for the closest choice, or nothing if none is close."""
    by_lower_case = {choice.lower(): choice for choice in choices}
    closest = difflib.get_close_matches(wrong.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[closest[0]]!r}?" if closest else ""


def in_one_line(error: BaseException) -> str:
    """Return an exception as one line: its type and the first line of its text."""
    first_line = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
