"""What a command on data is asked to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.errors import InputError

if TYPE_CHECKING:
    from bench.data.layouts import Manifest

LayoutName = Annotated[
    str | None, typer.Option(help="How the entries are named; by default it is found out.")
]
Backgrounds = Annotated[
    Path | None, typer.Option(help="A zip or folder of backgrounds that lie beside.")
]
Exclude = Annotated[Path | None, typer.Option(help="A CSV list of the samples (key) to leave out.")]
Grid = Annotated[
    Path | None,
    typer.Option(
        help="Read what this grid does, in place of archives: with its layout, depth, "
        "mask_threshold and exclude."
    ),
]


def open_asked(
    archives: list[Path],
    *,
    layout: str | None,
    backgrounds: Path | None,
    exclude: Path | None,
    grid: Path | None,
) -> list[Manifest]:
    """The datasets that the options name; remarks on them go to standard error.

    Raises:
        InputError: the options contradict each other, or something cannot be read.
    """
    from bench.data.selection import open_selection

    sources = []
    if grid is not None:
        from bench.settings.grid import load

        if archives or layout is not None or backgrounds is not None:
            raise InputError("--grid: says itself which archives are read and how; give it alone")
        data = load(grid).data
        sources = list(data.sources())
        exclude = exclude or (Path(data.exclude) if data.exclude is not None else None)
    elif archives:
        from bench.settings import Source

        beside = None if backgrounds is None else str(backgrounds)
        files = tuple(map(str, archives))
        sources = [Source(files=files, layout=layout, backgrounds=beside)]
    else:
        raise InputError("give the archives to read, or a --grid that names them")
    return open_selection(sources, exclude, lambda text: typer.echo(text, err=True))
