"""`bench compare`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.errors import InputError, suggestion

if TYPE_CHECKING:
    from bench.report.compare import Zone


def compare(
    study: Annotated[
        Path,
        typer.Argument(
            help="The folder that `bench run` wrote; beside another study also a bundle."
        ),
    ],
    first: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A row (unet/bce), a network, a loss, or the start of a cell's id. Without B: "
            "another study, its folder or bundle.",
        ),
    ],
    second: Annotated[
        str | None, typer.Argument(metavar="B", help="What to compare it with.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Only this one.", show_default="all of the board")
    ] = None,
    equal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=SIZE",
            help="Differences up to this size count as equal: iou=0.005, or rmse=1% of B's (of the "
            "first study's). Choose it before you see the results.",
        ),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Of two studies: exit with 1 if a row meets it, as 'iou < -0.01' or "
            "'training_images_per_s < -10%': the second study less the first, with the whole "
            "interval beyond; or if the second lacks a figure that the first has.",
        ),
    ] = None,
) -> None:
    """Say of two rows, or of two studies, which is better, by how much, and how certain that is."""
    zones = dict(_zone(text) for text in equal or [])
    if second is None:
        _compare_studies((study, Path(first)), metric or [], zones, fail_if or [])
    elif fail_if:
        raise InputError("--fail-if: is for two studies: `bench compare STUDY OTHER_STUDY`")
    else:
        _compare_rows(study, (first, second), metric or [], zones)


def _compare_studies(
    paths: tuple[Path, Path],
    metrics: Sequence[str],
    zones: Mapping[str, Zone],
    conditions: Sequence[str],
) -> None:
    from bench.report.studies.comparison import changes_of, compare_studies, metrics_of
    from bench.report.studies.gate import judge, parse
    from bench.report.studies.markdown import render, render_gate
    from bench.study.opening import opened

    if not paths[1].exists():
        raise InputError(
            f"{paths[1]}: no such study; give its folder or bundle, or two rows of {paths[0]}"
        )
    with opened(paths[0]) as one, opened(paths[1]) as other:
        studies = one, other
        compared = compare_studies(studies, metrics)
        known = metrics_of(compared)
        for name in zones:
            if name not in known:
                raise InputError(
                    f"--equal: {name}: the studies share no such metric{suggestion(name, known)}"
                )
        asked = [parse(text, known) for text in conditions]
        typer.echo(render((str(paths[0]), str(paths[1])), studies, compared, zones))
    verdicts = [judge(condition, changes_of(compared, condition.metric)) for condition in asked]
    if verdicts:
        typer.echo(f"\n{render_gate(verdicts)}")
    if any(one.failed for one in verdicts):
        raise typer.Exit(1)


def _compare_rows(
    study: Path, names: tuple[str, str], metrics: Sequence[str], zones: Mapping[str, Zone]
) -> None:
    from bench.report.compare import compare, notes_on, percent
    from bench.report.leaderboard import leaderboards
    from bench.study.study import Study
    from bench.text import printable

    boards = leaderboards(Study(study).load())
    found = compare(boards, *names, metrics, zones)
    title = f"A: {names[0]}, B: {names[1]}, {found[0].difference.level:.0%} intervals"
    table = Table(title=Text(printable(title)))
    for heading in ("metric", "A", "B", "A - B", "A is better with", "so A is"):
        table.add_column(
            heading,
            justify="left" if heading == "metric" else "right",
            no_wrap=heading == "A - B",
        )
    for one in found:
        d = one.decimals
        table.add_row(
            Text(printable(one.name)),
            *(f"{mean:.{d}f}" for mean in one.means),
            f"{one.difference.estimate:+.{d}f} ± {one.difference.half_width:.{d}f}",
            percent(one.better),
            one.said(one.verdict).replace(" (", "\n("),
        )
    Console().print(table)
    for note in notes_on(found):
        typer.echo(note)
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
