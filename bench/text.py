"""Text that users gave, shown as the text that it is."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*\[\]|])|(?<!\w)(_)|(_)(?!\w)")


def printable(text: str) -> str:
    r"""Return one line in which what cannot be printed is spelled out, as ``\x1b``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str, length: int) -> str:
    """Return at most so many characters of a text, its beginning and its end."""
    if len(text) <= length:
        return text
    end = (length - 1) // 2
    return f"{text[: length - 1 - end]}…{text[len(text) - end :]}"


def markdown(text: str) -> str:
    """Return Markdown that shows the text, whatever is in it."""
    plain = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", plain)
