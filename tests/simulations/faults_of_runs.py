"""What strikes a run at work, and the machine under it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kills import descendants
from struck_study import World, epochs_told, wait_for
from tally import Tally

from bench.study import places
from bench.study.study import Study

MISTAKE, INTERRUPTED, KILLED = 2, 130, -signal.SIGKILL
Strike = Callable[[subprocess.Popen, World, Path], None]


def kill(depth: int) -> Strike:
    """Kill the run, its server, or the processes of its cells."""

    def strike(run: subprocess.Popen, _world: World, _study: Path) -> None:
        for process, its_depth in descendants(run.pid).items():
            if its_depth == depth:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    return strike


def ask(*signals: int) -> Strike:
    """Ask the run to stop."""

    def strike(run: subprocess.Popen, _world: World, _study: Path) -> None:
        for number in signals:
            run.send_signal(number)
            time.sleep(0.2)

    return strike


def remove(name: str) -> Strike:
    """Remove a part of the study."""
    return lambda _run, _world, study: shutil.rmtree(study / name, ignore_errors=True)


def remove_cache(_run: subprocess.Popen, _world: World, _study: Path) -> None:
    shutil.rmtree(os.environ["MASKDEPTH_CACHE"])


def move_archive(_run: subprocess.Popen, world: World, _study: Path) -> None:
    world.archive.rename(aside(world))


def aside(world: World) -> Path:
    return world.archive.with_name("aside.zip")


# And the exit codes that each may end the run with.
FAULTS: dict[str, tuple[Strike, set[int]]] = {
    "killed: the cell": (kill(2), {0}),
    "killed: the server": (kill(1), {0}),
    "killed: the run": (kill(0), {KILLED}),
    "asked to stop: SIGINT": (ask(signal.SIGINT), {INTERRUPTED}),
    "asked to stop: SIGTERM": (ask(signal.SIGTERM), {INTERRUPTED}),
    "asked to stop: twice": (ask(signal.SIGINT, signal.SIGINT), {INTERRUPTED}),
    "removed: claims": (remove(places.CLAIMS), {0}),
    "removed: checkpoints": (remove(places.CHECKPOINTS), {0}),
    "removed: finished cells": (remove(places.CELLS), {0}),
    "removed: the study": (remove(""), {MISTAKE}),
    "removed: the cache": (remove_cache, {0}),
    "removed: the archive": (move_archive, {0}),
}


def strike_runs(tally: Tally, world: World) -> None:
    """Strike a run at work: the same command then has to end as if nothing had been."""
    for kind, (strike, ends) in FAULTS.items():
        study = world.copy(world.half)
        run = world.begin(study)
        wait_for(partial(epochs_told, study), run)
        strike(run, world, study)
        code, printed = world.end(run, study)
        if aside(world).exists():
            aside(world).rename(world.archive)
        problem = None if code in ends else f"exit code {code}: {printed[-300:]}"
        if "Traceback" in printed:
            problem = f"a traceback: {printed[-500:]}"
        study.with_name("study.log").unlink()
        problem = problem or world.problem(study, *world.run(study))
        tally.add(kind, f"exit code {code}, then complete", problem)


def full_disk(tally: Tally, world: World) -> None:
    """A disk of so many KiB: the run ends in a line, and goes on where there is room."""
    for kib in (64, 128, 256, 512):
        place = Path(tempfile.mkdtemp())
        subprocess.run(
            ["/bin/mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", place], check=True
        )
        try:
            code, printed = world.run(place / "study")
            problem = world.problem(place, code, printed, MISTAKE)
            if (place / "study" / places.GRIDS).is_dir() and Study(place / "study").load().damaged:
                problem = "something is half-written"
            subprocess.run(["/bin/mount", "-o", "remount,size=1g", place], check=True)
            (place / "study.log").write_text("")
            problem = problem or world.problem(place / "study", *world.run(place / "study"))
        finally:
            subprocess.run(["/bin/umount", place], check=True)
        tally.add("full disk", f"exit code {code}, then complete", problem)
