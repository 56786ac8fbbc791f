"""What a user may have meant by a name that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(wrong: str, choices: Iterable[str]) -> str:
    """Return ``; did you mean 'unet'?`` for the closest choice, or nothing if none is close."""
    by_lower_case = {choice.lower(): choice for choice in choices}
    closest = difflib.get_close_matches(wrong.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[closest[0]]!r}?" if closest else ""


def suggestion(wrong: str, choices: Iterable[str]) -> str:
    """Return the end of an error line: the closest choice, if one is close, and all of them.

    Args:
        wrong: the name that there is not.
        choices: the names that there are, in the order in which they are listed.

    Returns:
        As ``; did you mean 'unet'? (choices: densenet, unet)``; or ``; there are none``.
    """
    choices = list(choices)
    if not choices:
        return "; there are none"
    return f"{did_you_mean(wrong, choices)} (choices: {', '.join(choices)})"
