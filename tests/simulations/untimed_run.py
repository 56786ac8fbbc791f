"""`bench run` as a command of its own, without the timing of networks, and what it has come to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

from bench.study.study import Study

CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background of a script
from bench.execution import run
run.measure_throughput = lambda *_, **__: None  # which this is not about
from bench.cli import main
main()
"""


def make_archive(path: Path) -> None:
    """Render 36 samples of 64 px."""
    asked = ["data", "make", str(path), "--backgrounds", "6", "--foregrounds", "6"]
    command = [sys.executable, "-m", "bench", *asked]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def start(
    grid: Path, study: Path, *options: str, log: int | IO[str] = subprocess.DEVNULL
) -> subprocess.Popen:
    """Start a run, one thread a cell; its errors can be read from it."""
    asked = ["run", "--grid", str(grid), "--out", str(study), "--threads", "1", *options]
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *asked], stdout=log, stderr=subprocess.PIPE, text=True
    )


def scores(study: Path) -> dict[str, tuple]:
    """Of each cell: figures, failure, and the scores of every image."""
    results = Study(study).load()
    assert not results.damaged, results.damaged
    return {
        cell_id: (
            record.summary,
            record.failure,
            None if record.failure else results.scores(cell_id).to_csv(),
        )
        for cell_id, record in results.records.items()
    }
