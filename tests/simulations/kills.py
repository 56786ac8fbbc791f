"""Whether runs that are killed again and again end as one that is left alone.

A grid of 16 cells is run while its processes are killed at random times: that of a cell, the server
that cells are forked from, the run itself, or all of them. A run that was killed is started again.
In the end every cell has to be there once, its scores equal to the last bit to those of a run that
was left alone. What a kill has cost is printed: about the interval between checkpoints, or two
hundred times what it takes to write one, if that is more.

Run as ``python tests/simulations/kills.py [--kills 100]``: a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

from rich.console import Console
from untimed_run import make_archive, scores, start

from bench.study import places
from bench.study.claims import held

INTERVAL_S = 1.0
NETWORK = Path(__file__).parents[1] / "tiny_network.py"
GRID = """
architectures:
  - {{name: unet, width: 0.0625}}
  - {{name: '{network}:tiny_network', channels: 16}}
losses: [bce, l1, mse, {{mask: bce, depth: l1, balance: {{method: uncertainty}}}}]
seeds: [0, 1]
data: {{archive: {archive}, image_size: 64}}
train: {{epochs: 40, batch_size: 8, flip: true, color_jitter: 0.1, precision: float32}}
keep: {{checkpoint_seconds: {interval}}}
"""


def descendants(process: int) -> dict[int, int]:
    """The processes below one, each with its depth."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(place.parent.name)] = int(fields[1])
    found = {process: 0}
    for _ in range(4):
        for child, parent in parents.items():
            if parent in found and child not in found:
                found[child] = found[parent] + 1
    return found


def lost_s(study: Path) -> list[float]:
    """How much work of each running cell would be lost at this moment."""
    found = []
    for cell, claim in held(study / places.CLAIMS):
        if "first_utc" not in claim:
            continue  # it has not made a step yet
        kept = [datetime.fromisoformat(claim["first_utc"]).timestamp()]
        checkpoint = study / places.CHECKPOINTS / cell / "state.safetensors"
        with contextlib.suppress(OSError):
            kept.append(checkpoint.stat().st_mtime)
        found.append(time.time() - max(kept))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    console = Console()
    rng, killed, lost = random.Random(options.seed), Counter(), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive, grid = folder / "data.zip", folder / "grid.yaml"
        make_archive(archive)
        grid.write_text(GRID.format(network=NETWORK, archive=archive, interval=INTERVAL_S))
        started = time.monotonic()
        assert start(grid, folder / "alone").wait() == 0
        alone_s = time.monotonic() - started
        expected = scores(folder / "alone")
        run, study, started = None, folder / "killed", time.monotonic()
        while killed.total() < options.kills:
            if run is None or run.poll() is not None:
                if run is not None and run.returncode == 0:
                    # All is done: the same from the start, until there were kills enough.
                    assert scores(study) == expected
                    study = folder / f"killed {killed.total()}"
                run = start(grid, study)
            time.sleep(rng.uniform(0.1, 12))
            whole = descendants(run.pid)
            who = rng.choice(["cell", "server", "run", "all"])
            depths = {"cell": (2,), "server": (1,), "run": (0,), "all": (0, 1, 2)}[who]
            victims = [process for process, depth in whole.items() if depth in depths]
            if run.poll() is not None or not victims:
                continue
            lost += lost_s(study)
            for process in victims:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            killed[who] += 1
            if who in {"run", "all"}:
                run.wait()
        while run.wait() != 0:
            console.print(f"exit code {run.returncode}: {run.stderr.read()}")
            run = start(grid, study)
        found = scores(study)
        console.print(
            f"killed {dict(killed)} in {time.monotonic() - started:.0f} s; alone {alone_s:.0f} s"
        )
        console.print(f"cells: {len(found)} of {len(expected)}, equal: {found == expected}")
        console.print(f"lost at a kill: at most {max(lost):.1f} s of work, of {len(lost)} looks")
        left = list((study / places.CHECKPOINTS).glob("*"))
        console.print(f"checkpoints left behind: {len(left)}")
        sys.exit(found != expected)


if __name__ == "__main__":
    main()
