"""How much of the machine this process gets, and how much others take of it."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

if os.name == "posix":
    import resource

OF_THREADS = Path("/proc/self/task")
OF_CORES = Path("/proc/stat")
TICK_S = 0.01  # in which Linux tells what cores did (USER_HZ)


class Used(NamedTuple):
    """What has been used up to a moment, in seconds; None where the system does not tell.

    Attributes:
        cpu_s: of processor time, by all threads of this process.
        waited_s: by each of its threads, ready to compute and without a core for it.
        switches: how often a thread of it had to leave its core for another one's sake.
        busy_s, idle_s: by the cores that this process may compute on, in whole ticks.
        stolen_s: that these cores stood still because a virtual machine's host ran something else.
    """

    cpu_s: float
    waited_s: dict[str, float] | None = None
    switches: int | None = None
    busy_s: float | None = None
    idle_s: float | None = None
    stolen_s: float | None = None


def used() -> Used:
    """Return what has been used up to now."""
    busy_s, idle_s, stolen_s = _cores() or (None, None, None)
    return Used(
        cpu_s=time.process_time(),
        waited_s=_waited_s(),
        switches=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if os.name == "posix" else None,
        busy_s=busy_s,
        idle_s=idle_s,
        stolen_s=stolen_s,
    )


def _waited_s() -> dict[str, float] | None:
    """See proc_pid_schedstat(5): the second number is the time on a run queue, in nanoseconds."""
    waited_s = {}
    for file in OF_THREADS.glob("*/schedstat"):
        with contextlib.suppress(OSError):  # of a thread that has just ended
            waited_s[file.parent.name] = int(file.read_text(encoding="ascii").split()[1]) / 1e9
    return waited_s or None


def _cores() -> tuple[float, float, float] | None:
    """Busy, idle and stolen seconds; see proc_stat(5)."""
    try:
        lines = OF_CORES.read_text(encoding="ascii").splitlines()
        ours = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    except (OSError, AttributeError):  # another system
        return None
    of_each = [line.split()[1:] for line in lines if line.split()[0] in ours]
    if not of_each:
        return None
    ticks = [sum(map(int, column)) for column in zip(*of_each, strict=True)]
    user, nice, system, idle, io_wait, irq, soft_irq, stolen = ticks[:8]
    busy = user + nice + system + irq + soft_irq
    return TICK_S * busy, TICK_S * (idle + io_wait), TICK_S * stolen
