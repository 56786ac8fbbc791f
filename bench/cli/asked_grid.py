"""The grid that a command is asked for: its file, and settings in place of the file's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from bench.cli.options import complete_key
from bench.errors import InputError

if TYPE_CHECKING:
    from bench.settings.grid import Grid

MAX_UNASKED = 200  # networks that are trained, or probed, without a question


def _complete_setting(incomplete: str) -> list[str]:
    return [f"{key}=" for key in complete_key(incomplete)]


GridFile = Annotated[
    str | None, typer.Argument(metavar="GRID", help="The grid's YAML file.", show_default=False)
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Settings in place of the grid's own, as train.epochs=2 or seeds=[0,1]; `bench "
        "explain` lists them.",
        show_default=False,
        autocompletion=_complete_setting,
    ),
]
GridOption = Annotated[
    Path | None,
    typer.Option(help="The grid's YAML file, if not the first argument.", show_default=False),
]
StudyFolder = Annotated[
    Path | None, typer.Option(help="The study's folder.", show_default="results/<grid name>")
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Begin, however many trainings the grid asks for.")
]


class AskedGrid(NamedTuple):
    """A grid, and the name of its file."""

    grid: Grid
    name: str


def read_asked(file: str | None, overrides: list[str] | None, option: Path | None) -> AskedGrid:
    """Return the grid that is named by the first argument or by ``--grid``.

    Args:
        file: the first argument; behind ``--grid`` it is a setting.
        overrides: the further arguments.
        option: what was given by ``--grid``.

    Raises:
        InputError: there is none, or two; or it is at fault.
    """
    from bench.settings.grid_file import load

    settings = [*([file] if file else []), *(overrides or [])]
    if option is None:
        if not settings:
            raise InputError("give the grid's YAML file, as in grids/quick.yaml")
        first, *settings = settings
        path = Path(first)
        if "=" in first and not path.exists():
            raise InputError(f"give the grid's YAML file first, and then {first}")
    else:
        path = option
        if settings and "=" not in settings[0]:
            raise InputError(f"--grid: names a second grid besides {settings[0]}; give one of them")
    return AskedGrid(load(path, settings), path.stem)


def require_consent(count: int, what: str, *, yes: bool) -> None:
    """Ask whether so much is meant, if it is much.

    Args:
        count: how many networks are about to be trained, or probed.
        what: in words what there are so many of: ``cells are to be trained``.
        yes: whether that has been said to be meant.

    Raises:
        InputError: there is no terminal to ask on.
        typer.Abort: it is not.
    """
    if yes or count <= MAX_UNASKED:
        return
    if not sys.stdin.isatty():
        raise InputError(f"{count:,} {what}; give --yes if that is meant")
    typer.confirm(f"{count:,} {what}. Go on?", abort=True)
