"""Whether a fault costs more than the cell that it strikes.

Some hundred faults of some thirty kinds strike small grids, one by one: inside a cell (it raises,
ends or stops its process, it predicts nonsense, it leaves something behind), in what a study keeps
(checkpoints, records, scores, weights that are damaged or of another cell), and around a run
(processes that are killed, claims, cache or study that are deleted, a full disk, a clock that
jumps). After each one every other cell has the figures of a clean run to the last bit, the cell
itself has its status or, run again, those figures too, and no command ends in a traceback.

Run as ``python tests/simulations/faults.py``: a quarter of an hour on two cores.
As root on Linux it fills a disk too, a small one in memory.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import networks_that_end
import networks_that_go_on
import networks_that_leave_something
import networks_that_mispredict
import networks_that_raise
import planted_run
import planting
from faults_of_runs import full_disk, strike_runs
from faults_of_studies import damaged_checkpoints, damaged_results
from rich.console import Console
from struck_study import World
from tally import Tally
from untimed_run import make_archive

SOME_FAILED = 3  # the exit code of a run in which cells failed
INSIDE = {
    "ends": networks_that_end.FAULTS,
    "raises": networks_that_raise.FAULTS,
    "leaves something": networks_that_leave_something.FAULTS,
    "mispredicts": networks_that_mispredict.FAULTS,
}
UNENDING = networks_that_go_on.FAULTS
LIMITS = {"seconds": 20, "memory_gib": 0.5}


def inside_cells(tally: Tally, folder: Path, archive: Path) -> None:
    """Faults of networks, each followed by a sound cell."""
    whole = {name: fault for faults in INSIDE.values() for name, fault in faults.items()}
    kinds = {
        name: f"{kind}, in {fault.place}"
        for kind, faults in INSIDE.items()
        for name, fault in faults.items()
    }
    kinds |= {name: f"goes on without end, in {fault.place}" for name, fault in UNENDING.items()}
    for number, (faults, options, sections) in enumerate(
        [(whole, [], {}), (UNENDING, ["--per-device", "4"], {"limits": LIMITS})]
    ):
        own = folder / f"inside {number}"
        own.mkdir()
        run = planted_run.run_planted(own, archive, faults, *options, **sections)
        clean = Counter(map(repr, run.sound.values())).most_common(1)[0][0]
        for name, fault in faults.items():
            record, problem = run.faulty[name], None
            if record is None:
                problem = f"{name}: no record"
            elif fault.ends == planting.COMPLETE and record.failure is not None:
                problem = f"{name}: {record.failure}"
            elif fault.ends not in {planting.COMPLETE, planting.EITHER} and (
                record.failure is None or fault.ends not in record.failure
            ):
                problem = f"{name}: {record.failure}, not {fault.ends}"
            if repr(run.sound[name]) != clean:
                problem = f"{name}: the cell after it has other figures"
            if run.exit_code != SOME_FAILED:
                problem = f"exit code {run.exit_code}"
            status = "no record" if record is None else "complete"
            if record is not None and record.failure is not None:
                status = str(record.failure_kind)
            tally.add(kinds[name], status, problem)


def main() -> None:
    console, tally = Console(width=160), Tally()
    planted_run.TIME_LIMIT_S = 3600  # for all that one of its commands runs here
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MASKDEPTH_CACHE"] = str(folder / "cache")
        archive = folder / "data.zip"
        make_archive(archive)
        inside_cells(tally, folder, archive)
        tally.show(console)
        world = World(folder, archive)
        for strike in (damaged_checkpoints, damaged_results, strike_runs):
            strike(tally, world)
            tally.show(console)
        if os.geteuid() == 0 and sys.platform == "linux":
            full_disk(tally, world)
    tally.show(console)
    sys.exit(not tally.holds)


if __name__ == "__main__":
    main()
