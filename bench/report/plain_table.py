"""A table in plain text, with what is to be said of it: each report shows it in its own format."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.tables import table
from bench.text import markdown


@dataclass(frozen=True)
class PlainTable:
    """A table whose texts are those that users gave, unescaped.

    Attributes:
        title: what it shows.
        header: of its columns; may have empty texts.
        body: its rows, each as long as the header.
        numeric_from: the first column of figures.
        note: how it is to be read, in sentences; may be empty.
    """

    title: str
    header: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    numeric_from: int
    note: str = ""

    def in_markdown(self) -> str:
        """Return the table and below it the note."""
        header = [markdown(head) for head in self.header]
        body = [[markdown(text) for text in row] for row in self.body]
        shown = table(header, body, numeric_from=self.numeric_from)
        return f"{shown}\n\n{markdown(self.note)}" if self.note else shown

    def section(self) -> list[str]:
        """Return the title as a heading, the table and the note, in Markdown."""
        return [f"## {markdown(self.title)}", self.in_markdown()]
