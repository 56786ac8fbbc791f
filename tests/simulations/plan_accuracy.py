"""How near `bench plan` comes to what a grid then takes.

Each network is probed with each loss, the grid is run, and what was foreseen of each cell is set
beside what it took: the time from its start until it is kept, and the peak memory of its record.
The median error of the time has to be at most 15 %, that of the memory at most 10 %.

A machine that does other things between the probes and the run is another machine: the last line
tells how far all cells together were slower or faster than foreseen, and what error is left when
that is taken out.

Run as ``python tests/simulations/plan_accuracy.py [--grid grids/quick.yaml]``: four minutes on two
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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grid", type=Path, default=GRID)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    console, device = Console(), torch.device(options.device)
    question = grid_file.load(options.grid)
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "study")
        started, planned = time.monotonic(), look_ahead(question, study)
        foreseen = estimate(question, planned, study, device=device, server=start_server())
        console.print(
            f"probed in {time.monotonic() - started:.0f} s, load {os.getloadavg()[0]:.1f}"
        )
        seconds, records = {}, {}

        def listen(event: object) -> None:
            if isinstance(event, CellStarted):
                seconds[event.cell.id] = -time.monotonic()
            elif isinstance(event, CellFinished):
                seconds[event.record.cell.id] += time.monotonic()
                records[event.record.cell.id] = event.record

        run(question, study, device=device, listen=listen, server=start_server(), throughput=False)
        console.print(f"run in {sum(seconds.values()):.0f} s, load {os.getloadavg()[0]:.1f}")
    sys.exit(not show(console, foreseen, seconds, records))


def show(console: Console, foreseen, seconds, records) -> bool:
    """Print a row a cell and the median errors; return whether the bounds hold."""
    table = Table(title="foreseen, and what it was")
    for heading in ("architecture", "loss"):
        table.add_column(heading)
    for heading in ("foreseen s", "took s", "off by", "foreseen MiB", "took MiB", "off by"):
        table.add_column(heading, justify="right")
    times, memories = [], []
    for cell in foreseen.cells:
        cost, record = foreseen.cost_of(cell), records[cell.id]
        if cell.loss is None:
            continue
        assert cost is not None, foreseen.costs
        assert record.failure is None, record.failure
        times.append(foreseen.seconds(cell) / seconds[cell.id])
        memories.append(cost.peak_memory_mib / record.peak_memory_mib)
        table.add_row(
            cell.architecture.label,
            cell.loss.label,
            f"{foreseen.seconds(cell):.2f}",
            f"{seconds[cell.id]:.2f}",
            f"{times[-1] - 1:+.1%}",
            f"{cost.peak_memory_mib:.1f}",
            f"{record.peak_memory_mib:.1f}",
            f"{memories[-1] - 1:+.1%}",
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
    console.print(f"foreseen / took: {drift:.2f} in the median; without that off by {rest:.1%}")
    return all(held)


if __name__ == "__main__":
    main()
