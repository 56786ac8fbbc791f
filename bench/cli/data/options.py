"""What a command on data is asked to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.errors import InputError

if TYPE_CHECKING:
    from bench.data.layouts import Manifest
    from bench.settings import Source

Archives = Annotated[list[Path] | None, typer.Argument(help="The zips or folders of one dataset.")]
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


def require_writable(file: Path | None) -> None:
    """Refuse a file that exists, or whose folder does not; None is no file.

    Raises:
        InputError: it cannot be written.
    """
    if file is not None and file.exists():
        raise InputError(f"{file} exists already")
    if file is not None and not file.absolute().parent.is_dir():
        raise InputError(f"{file}: there is no folder {file.parent}")


def open_asked(
    archives: list[Path],
    *,
    layout: str | None,
    backgrounds: Path | None,
    exclude: Path | None,
    grid: Path | None,
) -> list[Manifest]:
    """Open the datasets that the options name; remarks on them go to standard error.

    Raises:
        InputError: the options contradict each other, or something cannot be read.
    """
    from bench.data.selection import open_selection

    sources, exclude = name_sources(
        archives, layout=layout, backgrounds=backgrounds, exclude=exclude, grid=grid
    )
    return open_selection(sources, exclude, lambda text: typer.echo(text, err=True))


def name_sources(
    archives: list[Path],
    *,
    layout: str | None,
    backgrounds: Path | None,
    exclude: Path | None,
    grid: Path | None,
) -> tuple[list[Source], Path | None]:
    """Return what the options name: the archives and how they are read, and the list to leave out.

    Raises:
        InputError: the options contradict each other, or the grid cannot be read.
    """
    if grid is not None:
        from bench.settings.grid_file import load

        if archives or layout is not None or backgrounds is not None:
            raise InputError("--grid: says itself which archives are read and how; give it alone")
        data = load(grid).data
        return list(data.sources()), exclude or (Path(data.exclude) if data.exclude else None)
    if not archives:
        raise InputError("give the archives to read, or a --grid that names them")
    from bench.settings import Source

    beside = None if backgrounds is None else str(backgrounds)
    files = tuple(map(str, archives))
    return [Source(files=files, layout=layout, backgrounds=beside)], exclude
