"""`bench explain`."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from bench.cli.options import complete_key

WIDTH = 80  # columns
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
    typer.echo(textwrap.fill(_plain(found.description), WIDTH) + "\n")
    _print_row("type", found.type)
    _print_row("default", "none: it has to be given" if found.default is None else found.default)
    _print_row("example", found.yaml)
    _print_row("", f"bench run grid.yaml {found.overrides}")
    if found.inner:
        typer.echo(f"\nkeys, as {found.key}.{next(iter(found.inner))}")
        _print_list(found.inner)


def _print_row(title: str, text: str) -> None:
    lines = textwrap.wrap(text, WIDTH - TITLES, break_on_hyphens=False, break_long_words=False)
    for number, line in enumerate(lines):
        typer.echo(f"{title if number == 0 else '':<{TITLES}}{line}")


def _print_list(rows: dict[str, str]) -> None:
    width = max(map(len, rows)) + 2
    for name, text in rows.items():
        shown = textwrap.shorten(_plain(text), WIDTH - width, placeholder="…")
        typer.echo(f"{name:<{width}}{shown}")


def _plain(text: str) -> str:
    """A docstring's sentence without the marks around what is typed."""
    return text.replace("``", "")
