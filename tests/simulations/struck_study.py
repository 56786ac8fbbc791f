"""A small grid, its clean study, and copies of it for faults to strike."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from untimed_run import scores, start

from bench.study import places
from bench.study.study import Study

GRID = """
architectures:
  - {{name: '{network}:tiny_network', channels: 8}}
  - {{name: '{network}:tiny_network', channels: 12}}
  - {{name: '{network}:tiny_network', channels: 16}}
  - {{name: '{network}:tiny_network', channels: 24}}
losses: [bce]
data: {{archive: {archive}, image_size: 32}}
train: {{epochs: 200, batch_size: 8, precision: float32}}
keep: {{checkpoint_seconds: 0.2}}
"""
NETWORK = Path(__file__).parents[1] / "tiny_network.py"


class World:
    """A grid, its clean study, and one that was interrupted with a checkpoint of every cell.

    Args:
        folder: for all of it.
        archive: to train on.
    """

    def __init__(self, folder: Path, archive: Path) -> None:
        self._folder, self.archive = folder, folder / "own.zip"
        shutil.copy(archive, self.archive)
        self.grid = folder / "grid.yaml"
        self.grid.write_text(GRID.format(network=NETWORK, archive=self.archive))
        self.clean = folder / "clean"
        if self.run(self.clean)[0] != 0:
            raise RuntimeError("the clean run failed")
        self.expected = scores(self.clean)
        self.trained = [c for c, r in Study(self.clean).load().records.items() if r.training]
        self.half = folder / "half"
        run = self.begin(self.half, "--per-device", "4")
        wait_for(lambda: epochs_told(self.half, "2/") == len(self.trained), run)
        run.send_signal(signal.SIGINT)
        run.wait()
        if len(checkpoints(self.half)) != len(self.trained):
            raise RuntimeError("not every cell has a checkpoint")

    def copy(self, study: Path) -> Path:
        """A copy of a study, with a name of its own."""
        return shutil.copytree(study, Path(tempfile.mkdtemp(dir=self._folder)) / "study")

    def begin(self, study: Path, *options: str) -> subprocess.Popen:
        """Start a run."""
        with study.with_name(f"{study.name}.log").open("a") as log:
            return start(self.grid, study, *options, log=log)

    def run(self, study: Path, *options: str) -> tuple[int, str]:
        """Run to the end; return the exit code, and all that was printed."""
        return self.end(self.begin(study, *options), study)

    def end(self, run: subprocess.Popen, study: Path) -> tuple[int, str]:
        """Wait for a run."""
        _, errors = run.communicate()
        return run.returncode, errors + study.with_name(f"{study.name}.log").read_text()

    def problem(self, study: Path, code: int, printed: str, ends: int = 0) -> str | None:
        """What does not hold when a run has ended that should have ended so."""
        if "Traceback" in printed:
            return f"a traceback: {printed[-500:]}"
        if code != ends:
            return f"exit code {code}, not {ends}: {printed[-300:]}"
        if ends == 0 and scores(study) != self.expected:
            return "other figures than of a clean run"
        return None


def checkpoints(study: Path) -> list[Path]:
    return sorted((study / places.CHECKPOINTS).glob("[!.]*/state.safetensors"))


def epochs_told(study: Path, number: str = "") -> int:
    """How often the log of a run tells of an epoch, or of one of a number."""
    return study.with_name(f"{study.name}.log").read_text().count(f": epoch {number}")


def wait_for(condition: Callable[[], bool], run: subprocess.Popen) -> None:
    while not condition() and run.poll() is None:
        time.sleep(0.02)
