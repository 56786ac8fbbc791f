"""How time and memory of `bench run` and `bench report` grow with the grid.

Each size runs in a process of its own, with a network so small that the harness is what is timed;
that networks are timed at the end, which takes as long for any grid of one network, is left out.
Prints a table, and a plot of each; the exponent is the slope between the last two sizes, at most
about 1 where growth is linear, and 2 with the side of an image, whose pixels are its square.

Run as ``python tests/benchmarks/growth.py``.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from large_archive import write
from rich.console import Console
from rich.table import Table

NETWORK = f"{Path(__file__).parents[1] / 'tiny_network.py'}:tiny_network"
AXES = {
    "cells": [4, 16, 64],
    "samples": [400, 1600, 6400],
    "image size": [32, 64, 128],
}
DEFAULTS = {"cells": 4, "samples": 400, "image size": 32}

MEASURE = """
import json, resource, sys, time
from pathlib import Path
import torch
from bench.execution.run import run
from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.settings import grid_file
from bench.study.study import Study

torch.set_num_threads(1)
folder = Path(sys.argv[1])
question, study = grid_file.load(folder / "grid.yaml"), Study(folder / "study")
started = time.perf_counter()
run(question, study, device=torch.device("cpu"), throughput=False)
run_s = time.perf_counter() - started
started = time.perf_counter()
results = study.load()
markdown.render("growth", leaderboards(results), results.damaged)
report_s = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"run s": run_s, "report s": report_s, "peak MiB": peak}))
"""


def measure(cells: int, samples: int, image_size: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = folder / "a.zip"
        write(archive, samples)
        (folder / "grid.yaml").write_text(
            json.dumps(
                {
                    "architectures": [NETWORK],
                    "losses": ["bce"],
                    "seeds": list(range(cells)),
                    "data": {"archive": str(archive), "image_size": image_size},
                    "train": {"epochs": 1, "batch_size": 50},
                }
            )
        )
        found = subprocess.run(
            [sys.executable, "-c", MEASURE, str(folder)],
            check=True,
            capture_output=True,
            text=True,
            env={"MASKDEPTH_CACHE": str(folder / "cache"), "PATH": "/usr/bin:/bin"},
        )
        return json.loads(found.stdout.splitlines()[-1])


def main() -> None:
    console = Console()
    for axis, sizes in AXES.items():
        found = [measure(*(DEFAULTS | {axis: size}).values()) for size in sizes]
        table = Table(title=f"growth with {axis}")
        for heading in ("", *map(str, sizes), "exponent", "plot"):
            table.add_column(heading, justify="right")
        for name in found[0]:
            values = [row[name] for row in found]
            exponent = math.log(values[-1] / values[-2]) / math.log(sizes[-1] / sizes[-2])
            table.add_row(
                name,
                *(f"{value:.2f}" for value in values),
                f"{exponent:.2f}",
                "  ".join(_bar(value, max(values)) for value in values),
            )
        console.print(table)


def _bar(value: float, longest: float) -> str:
    return "█" * max(1, round(12 * value / longest))


if __name__ == "__main__":
    main()
