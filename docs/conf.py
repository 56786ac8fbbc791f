"""How Sphinx builds the documentation: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

import generated

project = "maskdepth-bench"
author = "The maskdepth-bench maintainers"
copyright = author  # noqa: A001 - Sphinx's name

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
default_role = "code"  # what stands in single backticks in a docstring
highlight_language = "none"
myst_heading_anchors = 3  # so that links may lead to headings
autodoc_typehints = "none"  # the signature has them
html_theme = "furo"
html_title = project


def fill(_: Sphinx, docname: str, source: list[str]) -> None:
    """Put what is generated in place of the comment that stands for it, as ``% commands``."""
    page = generated.PAGES.get(docname)
    if page is not None:
        comment = f"% {docname.rpartition('/')[2]}"
        before, found, after = source[0].partition(comment)
        if not found:
            raise ValueError(f"{docname}.md has no line {comment!r}")
        source[0] = before + page() + after


def setup(app: Sphinx) -> None:
    """Fill the generated pages when they are read."""
    app.connect("source-read", fill)
