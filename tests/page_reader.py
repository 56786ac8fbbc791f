"""What stands on a page, read as a browser would, with the standard library's parser."""

import json
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "wbr", "link", "img", "hr"}


class Page(HTMLParser):
    """The tables of a page as text, what its data blocks hold, and all that it refers to."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.attributes, self.elements, self.data = [], [], [], []
        self._open, self._cell, self._raw = [], None, None
        self.feed(html)
        self.close()
        self.left_open = list(self._open)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.elements.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")
            self._cell = True
        elif tag == "script" and given.get("type") == "application/json":
            self._raw = ""

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass
        if tag in {"td", "th"}:
            self._cell = None
        elif tag == "script" and self._raw is not None:
            self.data.append(json.loads(self._raw))
            self._raw = None

    def handle_data(self, data):
        if self._raw is not None:
            self._raw += data
        elif self._cell and "details" not in self._open[self._open.index("table") :]:
            self.tables[-1][-1][-1] += data

    def board(self, number=0):
        """The rows of a leaderboard, each cell as one line of text."""
        found = [table for table in self.tables if table and table[0][:1] == ["architecture"]]
        return [[" ".join(cell.split()) for cell in row] for row in found[number]]
