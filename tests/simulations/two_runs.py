"""Whether two runs that share one study train each cell once, and lose none.

A grid of 12 cells that train about a second is run by two commands at once, the second of which
starts up to three seconds after the first, into one study; 20 times. A cell is trained as often as
the two logs have its first epoch. Every record has to be equal, to the last bit of the scores, to
that of a run by itself, and nothing but the study may be left in its folder.

Run as ``python tests/simulations/two_runs.py [--repeats 20]``: ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from untimed_run import make_archive, scores, start

from bench.study import places

NETWORK = Path(__file__).parents[1] / "tiny_network.py"
GRID = """
architectures:
  - {{name: unet, width: 0.0625}}
  - {{name: '{network}:tiny_network', channels: 16}}
losses: [bce, l1, mse]
seeds: [0, 1]
data: {{archive: {archive}, image_size: 64}}
train: {{epochs: 8, batch_size: 8, precision: float32}}
"""
CELLS = 12
LATEST_START_S = 3.0
FIRST_EPOCH = re.compile(r"\[\d+/\d+\] (?P<cell>.*): epoch 1/")


def trained(logs: list[Path]) -> Counter[str]:
    """How often each cell was trained, by the logs of some runs."""
    return Counter(
        found["cell"]
        for log in logs
        for line in log.read_text(encoding="utf-8").splitlines()
        if (found := FIRST_EPOCH.search(line))
    )


def left_behind(study: Path) -> list[Path]:
    """What no finished run leaves: checkpoints, claims, folders that are half written."""
    folders = [study / places.CHECKPOINTS, study / places.CLAIMS]
    return [
        *(path for folder in folders if folder.exists() for path in folder.iterdir()),
        *study.rglob(".*~*"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    console = Console()
    rng, shared = random.Random(options.seed), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive, grid = folder / "data.zip", folder / "grid.yaml"
        make_archive(archive)
        grid.write_text(GRID.format(network=NETWORK, archive=archive))
        logs = [folder / "alone.log"]
        with logs[0].open("w") as log:
            assert start(grid, folder / "alone", log=log).wait() == 0
        expected, once = scores(folder / "alone"), trained(logs)
        assert sorted(once.values()) == CELLS * [1], once
        problems: Counter[str] = Counter()
        for repeat in range(options.repeats):
            study, offset_s = folder / f"study {repeat}", rng.uniform(0, LATEST_START_S)
            logs = [folder / f"{repeat} {which}.log" for which in ("first", "second")]
            runs = []
            for path in logs:
                with path.open("w") as log:
                    runs.append(start(grid, study, log=log))
                if len(runs) == 1:
                    time.sleep(offset_s)
            codes = [run.wait() for run in runs]
            by_each, found = [trained([log]).total() for log in logs], scores(study)
            shared.append(by_each)
            problems["ended with another code than 0"] += codes != [0, 0]
            problems["trained something twice, or not at all"] += trained(logs) != once
            problems["have other cells or figures"] += found != expected
            problems["left something behind"] += bool(left_behind(study))
            console.print(f"{offset_s:.2f} s apart: trained {by_each}, exit codes {codes}")
    console.print(f"{options.repeats} repeats of {once.total()} trained cells, {len(expected)} all")
    console.print(f"both runs trained some in {sum(min(pair) > 0 for pair in shared)}")
    for problem, count in problems.items():
        console.print(f"{problem}: {count}")
    sys.exit(problems.total() > 0)


if __name__ == "__main__":
    main()
