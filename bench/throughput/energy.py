"""Energy by the device's own counter, over a window long enough for it."""

from __future__ import annotations

from collections.abc import Callable

from bench.throughput.sampling import Timer

WINDOW_S = 10.0  # the counter moves every 20 to 100 ms


def joules_per_run(
    run: Callable[[], object], read_j: Callable[[], float | None], timer: Timer
) -> float | None:
    """What one run takes on average, with what the idle device would take; None if not counted."""
    if read_j() is None:
        return None
    per_turn = max(1, round(0.1 / timer.time(run)))  # synchronise now and then, not at each run
    before_j, runs, started = read_j(), 0, timer.clock()
    while timer.clock() - started < WINDOW_S:
        timer.time(run, per_turn)
        runs += per_turn
    after_j = read_j()
    return None if before_j is None or after_j is None else (after_j - before_j) / runs
