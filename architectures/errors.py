"""The one error a caller of this package has to expect."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from user_code import in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ArchitectureError", "did_you_mean", "in_one_line"]


class ArchitectureError(ValueError):
    """A network or an option that cannot be had; one line that says what would be right."""


def did_you_mean(wrong: str, choices: Iterable[str]) -> str:
    """Return `; did you mean 'unet'?` for the closest choice, or nothing if none is close."""
    by_lower_case = {choice.lower(): choice for choice in choices}
    closest = difflib.get_close_matches(wrong.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[closest[0]]!r}?" if closest else ""
