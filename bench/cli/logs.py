"""`bench logs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def logs(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    cell: Annotated[str, typer.Argument(help="The cell's id, or how it begins.")],
) -> None:
    """Print what is kept of a cell's course: its epochs, and of a failed one the traceback."""
    from bench.study.study import Study
    from bench.text import printable

    record = Study(study).load().find(cell)
    lines = [
        f"{record.cell.id}: {record.cell.label}",
        f"on {record.environment.machine}",
        f"{record.started_utc:%Y-%m-%d %H:%M:%S} to {record.finished_utc:%Y-%m-%d %H:%M:%S} UTC",
    ]
    for whose, training in (("teacher ", record.teacher), ("", record.training)):
        for epoch in training.curve if training else ():
            losses = ", ".join(f"{task} loss {value:.4g}" for task, value in epoch.losses.items())
            val = ", ".join(f"val {name} {value:.4g}" for name, value in epoch.val.items())
            mark = ", selected" if epoch.selected else ""
            lines.append(
                f"{whose}stage {epoch.stage}, step {epoch.step}: {losses}, {val}, "
                f"{epoch.train_s:.1f} s{mark}"
            )
    if record.failure is not None:
        lines += [f"{record.failure_kind}: {record.failure}", record.failure_details or ""]
    for line in "\n".join(lines).splitlines():
        typer.echo(printable(line))
