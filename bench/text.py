"""Text that users gave, shown as the text that it is."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*\[\]|~$])|(?<!\w)(_)|(_)(?!\w)")
_LATEX = {
    **{character: f"\\{character}" for character in "_%&#${}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "—": r"\textemdash{}",
    "…": r"\ldots{}",
    "±": r"$\pm$",
    "°": r"$^\circ$",
    "δ": r"$\delta$",
    "†": r"$\dagger$",
    "▼": r"$\bigtriangledown$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}
# What pdfLaTeX shows in its own fonts: ASCII, and the letters of Latin-1 but for Ð, Þ, ð, þ.
_LATEX_KNOWS = re.compile("[ -~À-ÏÑ-ÖØ-Ýß-ïñ-öø-ýÿ]")


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


def latex(text: str) -> str:
    """Return LaTeX that shows the text, whatever is in it.

    A character that pdfLaTeX's own fonts lack is spelled out, as ``U+4E2D``.
    """
    spelled = (
        _LATEX.get(c) or (c if _LATEX_KNOWS.match(c) else f"U+{ord(c):04X}")
        for c in printable(text)
    )
    return re.sub("-(?=-)", "-{}", "".join(spelled))  # two hyphens are no dash
