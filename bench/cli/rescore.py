"""`bench rescore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import Device
from bench.errors import InputError
from bench.events import Event, Remark


def rescore(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    metrics: Annotated[
        str,
        typer.Option(
            metavar="NAME[,NAME]", help="As a grid names them: pooled_iou, or mine.py:name."
        ),
    ],
    device: Device = "auto",
) -> None:
    """Compute metrics that came later, without training, and show them in the leaderboards.

    They are views of the sums that are kept of each image. Sums that an earlier version did not
    keep are computed from the kept weights, if data and code are as they were. A cell that lacks a
    figure after that is listed, and the exit code is 1. Where there is a leaderboard.md, it is
    written anew.
    """
    from bench.execution.rescore import SUMS, WEIGHTS, rescore
    from bench.machine.device import choose
    from bench.study.study import Study

    names = [name.strip() for name in metrics.split(",") if name.strip()]
    if not names:
        raise InputError("--metrics: name one, as in --metrics pooled_iou,path/to/file.py:NAME")
    found = rescore(Study(study), names, choose(device), _echo_remark)
    for label, why in found.refused:
        typer.echo(f"{label}: not computed: {why}")
    counts = found.computed
    line = (
        f"{counts[SUMS]} cells have further figures from their sums, {counts[WEIGHTS]} from their "
        "weights"
    )
    if not counts and not found.refused:
        line = "nothing to compute: the cells have these figures already"
    typer.echo(f"{line}; `bench report {study}` shows them")
    _renew_leaderboard(study)
    if found.refused:
        raise typer.Exit(1)


def _renew_leaderboard(folder: Path) -> None:
    """Write leaderboard.md anew where there is one and the study gives another by now."""
    from bench.files import write_atomically
    from bench.report import markdown
    from bench.report.leaderboard import leaderboards
    from bench.study.study import Study

    path, results = folder / "leaderboard.md", Study(folder).load()
    if not path.is_file() or not results.grids:
        return
    name = folder.resolve().name
    text = markdown.render(name, leaderboards(results), results.damaged).encode()
    if text != path.read_bytes():
        write_atomically(path, text)
        typer.echo(f"written to {path}")


def _echo_remark(event: Event) -> None:
    if isinstance(event, Remark):
        typer.echo(event.text, err=True)
