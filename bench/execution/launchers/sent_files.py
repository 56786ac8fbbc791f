"""The archives and lists behind a grid's data, at the paths at which a machine has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.settings import Source
from bench.settings.grid import Grid


def with_files_here(grid: Grid, fetch: Callable[[str], Path]) -> Grid:
    """Return the grid with paths of data that lead to something on this machine.

    Args:
        grid: with the paths of the machine that has sent it.
        fetch: brings a file that is not here, and returns its path.
    """

    def here(path: str) -> str:
        return path if Path(path).exists() else str(fetch(path))

    def source_here(source: str | Source) -> str | Source:
        if isinstance(source, str):
            return here(source)
        backgrounds = source.backgrounds and here(source.backgrounds)
        files = tuple(map(here, source.files))
        return source.model_copy(update={"files": files, "backgrounds": backgrounds})

    data = grid.data
    split = data.split.model_copy(update={"file": data.split.file and here(data.split.file)})
    update = {
        "archive": tuple(map(source_here, data.archive)),
        "exclude": data.exclude and here(data.exclude),
        "split": split,
    }
    return grid.model_copy(update={"data": data.model_copy(update=update)})
