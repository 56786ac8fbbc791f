"""`bench compare`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.errors import InputError

if TYPE_CHECKING:
    from bench.report.compare import Zone


def compare(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    first: Annotated[
        str,
        typer.Argument(
            metavar="A", help="A row (unet/bce), a network, a loss, or the start of a cell's id."
        ),
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="What to compare it with.")],
    metric: Annotated[
        list[str] | None, typer.Option(help="Only this one.", show_default="all of the board")
    ] = None,
    equal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=SIZE",
            help="Differences up to this size count as equal: iou=0.005, or rmse=1% of B's. Choose "
            "it before you see the results.",
        ),
    ] = None,
) -> None:
    """Say of A and B which is better, by how much, and how certain that is."""
    from bench.report.compare import compare, percent
    from bench.report.leaderboard import leaderboards
    from bench.study.study import Study
    from bench.text import printable

    zones = dict(_zone(text) for text in equal or [])
    boards = leaderboards(Study(study).load())
    found = compare(boards, first, second, metric or [], zones)
    title = f"A: {first}, B: {second}, {found[0].difference.level:.0%} intervals"
    table = Table(title=Text(printable(title)))
    for heading in ("metric", "A", "B", "A - B", "A is better with", "so A is"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for one in found:
        d = one.decimals
        table.add_row(
            Text(printable(one.name)),
            *(f"{mean:.{d}f}" for mean in one.means),
            f"{one.difference.estimate:+.{d}f} ± {one.difference.half_width:.{d}f}",
            percent(one.better),
            one.verdict.value,
        )
    Console().print(table)
    if any(one.difference.of_checkpoint for one in found):
        typer.echo("one seed: these are two checkpoints; their recipes may compare otherwise")
    if any(one.was_raced for one in found):
        typer.echo("raced: a row that got no more seeds may be better than the few it has say")
    if not zones:
        typer.echo("equal is said of what --equal gives a size for")


def _zone(text: str) -> tuple[str, Zone]:
    """Read ``iou=0.005`` or ``rmse=1%``."""
    from bench.report.compare import Zone

    name, _, size = text.partition("=")
    try:
        number = float(size.removesuffix("%"))
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise InputError(f"--equal: {text}: give a metric and a size, as in iou=0.005 or rmse=1%")
    return name, Zone(number / 100, is_share=True) if size.endswith("%") else Zone(number)
