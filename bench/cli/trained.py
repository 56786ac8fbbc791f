"""A study and one of its trained cells, as the command line names them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from bench.loaded_study import LoadedStudy
    from bench.study.record import Record


def open_cell(study: Path, cell: str) -> tuple[LoadedStudy, Record]:
    """Open a study and find a cell of it, and say which one it is.

    Raises:
        InputError: there is no such study or cell.
    """
    import bench
    from bench.report.chosen import find_cell

    loaded = bench.load(study)
    with warnings_as_lines():
        record = find_cell(loaded.results, cell)
    typer.echo(f"{record.cell.label} ({record.cell.id})")
    return loaded, record


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Print a warning of this project as a line of its own."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        if warning.category is UserWarning:
            typer.echo(str(warning.message), err=True)
