"""How near `bench plan` comes to what a grid then takes.

Each network is probed with each loss and its cells are run, one network after the other. What was
foreseen of each cell is set beside what it took: the time from its start until it is kept, and the
peak memory of its record. The median error of the time has to be at most 15 %, that of the memory
at most 10 %.

A machine that does other things too is another one from minute to minute: the last line tells how
far all cells together were slower or faster than foreseen, and what error is left when that is
taken out.

Run as ``python tests/simulations/plan_accuracy.py [--grid grids/quick.yaml]``: five minutes on two
cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from bench.events import CellFinished, CellStarted
from bench.execution.estimating import estimate
from bench.execution.launchers import start_server
from bench.execution.run import look_ahead, run
from bench.settings import grid_file
from bench.study.study import Study

GRID = Path(__file__).parents[2] / "grids" / "quick.yaml"
TIME, MEMORY = 0.15, 0.10  # the bounds


class Pair(NamedTuple):
    """What was foreseen of a cell, and what it was."""

    label: str
    foreseen_s: float
    took_s: float
    foreseen_mib: float
    took_mib: float


def probe_and_run(console: Console, grid, study: Study, device: torch.device) -> list[Pair]:
    planned = look_ahead(grid, study)
    foreseen = estimate(grid, planned, study, device=device, server=start_server())
    seconds, records = {}, {}

    def listen(event: object) -> None:
        if isinstance(event, CellStarted):
            seconds[event.cell.id] = -time.monotonic()
        elif isinstance(event, CellFinished):
            seconds[event.record.cell.id] += time.monotonic()
            records[event.record.cell.id] = event.record

    run(grid, study, device=device, listen=listen, server=start_server(), throughput=False)
    console.print(f"{grid.architectures[0].label}: load {os.getloadavg()[0]:.1f}")
    return [
        Pair(
            f"{cell.architecture.label} · {cell.loss.label}",
            foreseen.seconds(cell),
            seconds[cell.id],
            foreseen.cost_of(cell).peak_memory_mib,
            records[cell.id].peak_memory_mib,
        )
        for cell in foreseen.cells
        if cell.loss is not None
    ]


def show(console: Console, pairs: list[Pair]) -> bool:
    """Print a row a cell and the median errors; return whether the bounds hold."""
    table = Table(title="foreseen, and what it was")
    table.add_column("architecture · loss", no_wrap=True)
    for heading in ("s", "was", "off by", "MiB", "was", "off by"):
        table.add_column(heading, justify="right", no_wrap=True)
    times = [pair.foreseen_s / pair.took_s for pair in pairs]
    memories = [pair.foreseen_mib / pair.took_mib for pair in pairs]
    for pair, of_time, of_memory in zip(pairs, times, memories, strict=True):
        table.add_row(
            pair.label,
            f"{pair.foreseen_s:.1f}",
            f"{pair.took_s:.1f}",
            f"{of_time - 1:+.1%}",
            f"{pair.foreseen_mib:.1f}",
            f"{pair.took_mib:.1f}",
            f"{of_memory - 1:+.1%}",
        )
    console.print(table)
    held = []
    for what, ratios, bound in (("time", times, TIME), ("memory", memories, MEMORY)):
        errors = [abs(ratio - 1) for ratio in ratios]
        held.append(statistics.median(errors) <= bound)
        console.print(
            f"{'held' if held[-1] else 'NOT HELD'}: median error of the {what} at most {bound:.0%}:"
            f" {statistics.median(errors):.1%}, the largest {max(errors):.1%}"
        )
    drift = statistics.median(times)
    rest = statistics.median(abs(ratio / drift - 1) for ratio in times)
    console.print(f"foreseen / was: {drift:.2f} in the median; without that off by {rest:.1%}")
    return all(held)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grid", type=Path, default=GRID)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    console, question = Console(width=100), grid_file.load(options.grid)
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "study")
        for architecture in question.architectures:
            grid = question.model_copy(update={"architectures": (architecture,)})
            pairs += probe_and_run(console, grid, study, torch.device(options.device))
    sys.exit(not show(console, pairs))


if __name__ == "__main__":
    main()
