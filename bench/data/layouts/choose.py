"""Which layout a dataset is in: as the grid says, or by its entries' names."""

from __future__ import annotations

from pathlib import Path

from bench.data.entries import Entries, open_container
from bench.data.layouts import canonical
from bench.data.layouts.layout import Layout
from bench.settings import Source


def open_layouts(source: Source) -> list[Layout]:
    """Pair the entries of a source's archives: each canonical one by itself, the others as one.

    A sample may still lack a partner; see `Layout.require_partners`.

    Raises:
        InputError: an archive cannot be read, or is in no layout that is known.
    """
    containers = [open_container(Path(file)) for file in source.files]
    return [canonical.read(Entries([container]), source) for container in containers]
