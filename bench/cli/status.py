"""`bench status`."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from bench.study.status import CellStatus

PAUSE_S = 2.0
DONE = "current"


def status(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` writes.")],
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One object a cell, as JSON.")] = False,
) -> None:
    """Say which cells of the latest grid are done, running (where, how far), failed, or missing."""
    from bench.study.status import status
    from bench.study.study import Study

    def look() -> list[CellStatus]:
        return list(status(Study(study).load()))

    if as_json:
        typer.echo(json.dumps([_as_object(one) for one in look()], indent=2))
        return
    console = Console()
    if not watch:
        console.print(_shown(look()))
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(_shown(look()), refresh=True)
            time.sleep(PAUSE_S)


def _shown(cells: list[CellStatus]) -> Group:
    from bench.text import printable

    counts = Counter(str(one.state) for one in cells)
    done = f"{counts.pop(DONE, 0)} of {len(cells)} cells are done"
    others = "".join(f", {count} {state}" for state, count in counts.items())
    table = Table(show_header=False, box=None)
    for one in cells:
        if one.state != DONE and (one.why or one.state != "missing"):
            label = Text(printable(one.cell.label))
            table.add_row(str(one.state), one.cell.id, label, Text(printable(_details(one))))
    return Group(Text(done + others), *([table] if table.rows else []))


def _details(one: CellStatus) -> str:
    claim = one.claim
    if claim is None:
        return one.why
    parts = [f"on {claim.get('host')} by process {claim.get('process')}"]
    if "step" in claim:
        whose = "of the teacher, " if claim.get("teacher") else ""
        parts.append(
            f"step {claim['step']} of {claim['steps']}, {whose}{claim['images_per_s']} images/s"
        )
    if (left_s := one.left_s(datetime.now(UTC))) is not None:
        parts.append(f"{timedelta(seconds=round(left_s))} left")
    return ", ".join(parts)


def _as_object(one: CellStatus) -> dict[str, Any]:
    left_s = one.left_s(datetime.now(UTC))
    return {
        "cell": one.cell.id,
        "label": one.cell.label,
        "state": str(one.state),
        "why": one.why,
        "claim": one.claim,
        "left_s": None if left_s is None else round(left_s, 1),
    }
