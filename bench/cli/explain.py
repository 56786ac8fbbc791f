"""`bench explain`."""

from __future__ import annotations

import sys
import textwrap
from typing import Annotated

import typer

from bench.cli.options import complete_key

WIDTH = 80  # columns, on a terminal; what reads a pipe looks for text in whole lines
TITLES = 10  # columns of the titles on the left


def explain(
    key: Annotated[
        str | None,
        typer.Argument(
            help="A setting of a grid, as train.schedule; without it, all are listed.",
            show_default=False,
            autocompletion=complete_key,
        ),
    ] = None,
) -> None:
    """Explain a setting of a grid: its type, default, choices, what it means, an example."""
    from bench.settings.explanation import explain, overview

    if key is None:
        _print_list(overview())
        typer.echo("\nOf each, `bench explain KEY` says more. Stages and the teacher have the keys")
        typer.echo("of train, too, as train.stages.epochs.")
        return
    found = explain(key)
    typer.secho(found.key, bold=True)
    _print_row("", _plain(found.description), 0)
    typer.echo()
    _print_row("type", found.type)
    _print_row("default", "none: it has to be given" if found.default is None else found.default)
    _print_row("example", found.yaml)
    typer.echo(f"{'':<{TITLES}}bench run grid.yaml {found.overrides}")  # whole, to be copied
    if found.inner:
        typer.echo(f"\nkeys, as {found.key}.{next(iter(found.inner))}")
        _print_list(found.inner)


def _print_row(title: str, text: str, titles: int = TITLES) -> None:
    """Print a text beside its title, which has so many columns."""
    width = WIDTH - titles if sys.stdout.isatty() else max(1, len(text))
    lines = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
    for number, line in enumerate(lines):
        typer.echo(f"{title if number == 0 else '':<{titles}}{line}")


def _print_list(rows: dict[str, str]) -> None:
    width = max(map(len, rows)) + 2
    for name, text in rows.items():
        _print_row(name, _plain(text), width)


def _plain(text: str) -> str:
    """A docstring's sentence without the marks around what is typed."""
    return text.replace("``", "")
