"""Text that users gave, shown as the text that it is."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*\[\]|])|(?<!\w)(_)|(_)(?!\w)")


def printable(text: str) -> str:
    r"""Return one line in which what cannot be printed is spelled out, as ``\x1b``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def markdown(text: str) -> str:
    """Return Markdown that shows the text, whatever is in it."""
    plain = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", plain)
