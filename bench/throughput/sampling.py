"""What is timed and when to stop: warm-up until steady, blocks until the median is known.

The device is synchronised at both ends of a block and never inside one, so that launching and
computing overlap as they do in use. Latency is the exception: a block is a single run, whose result
is waited for as its user would.
"""

from __future__ import annotations

import math
import time
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.statistics.median import is_narrow
from bench.study.measurement import Timing

WARM_UP_RUNS = 10
WARM_UP_S = 1.0
WARM_UP_AGAIN_S = 0.1  # at later visits, when only the caches are cold
STEADY = 0.02  # by how much the last two windows of a warm-up may differ
WINDOW_RUNS = 5
BLOCK_S = 0.05
LONG_RUN_S = 1.0  # a visit for one more sample costs several runs
SPARE = 1.2  # blocks are laid out that much longer, so that none falls short


@dataclass(frozen=True)
class Timer:
    """A clock for work that may still be queued when the call returns.

    Attributes:
        synchronize: waits until everything that was queued is done.
        clock: the time in seconds.
    """

    synchronize: Callable[[], None]
    clock: Callable[[], float] = time.perf_counter

    def time(self, run: Callable[[], object], times: int = 1) -> float:
        """Seconds from the first call's start to the last result."""
        self.synchronize()
        started = self.clock()
        for _ in range(times):
            run()
        self.synchronize()
        return self.clock() - started


@dataclass(frozen=True)
class Effort:
    """How much trouble to take.

    Attributes:
        rounds: visits to each network.
        blocks: at least so many of a figure, over all rounds, unless ``cap_s`` ends them.
        latencies: the same for single runs.
        cap_s: the longest that a figure is sampled, over all rounds.
        warm_up_cap_s: the longest warm-up; an eighth of it at later visits.
        thorough: also measure memory, the batch sweep, the device's peak and energy.
    """

    rounds: int
    blocks: int
    latencies: int
    cap_s: float
    warm_up_cap_s: float
    thorough: bool


QUICK = Effort(rounds=3, blocks=18, latencies=60, cap_s=1.5, warm_up_cap_s=1.5, thorough=False)
FULL = Effort(rounds=5, blocks=30, latencies=300, cap_s=10, warm_up_cap_s=10, thorough=True)
GLANCE = Effort(rounds=1, blocks=10, latencies=10, cap_s=1, warm_up_cap_s=1.5, thorough=False)


class Sampling:
    """One figure's samples, gathered over several visits.

    Args:
        run: what is timed.
        timer: with what.
        plan: how long.
        one_by_one: wait for every single run, as for latency.
    """

    def __init__(
        self,
        run: Callable[[], object],
        timer: Timer,
        plan: Effort,
        *,
        one_by_one: bool = False,
    ) -> None:
        self._run, self._timer, self._plan = run, timer, plan
        self._wanted = plan.latencies if one_by_one else plan.blocks
        self._per_block = 1 if one_by_one else 0  # 0: not laid out yet
        self._steady = True
        self._sampled_s = 0.0
        self._rounds: list[list[float]] = []
        self._ordered: list[float] = []

    def visit(self) -> None:
        """Warm up, then sample until the median of all visits is known, or time is up."""
        again = bool(self._rounds)
        if again and self._ordered[0] >= LONG_RUN_S and self._sampled_s >= self._plan.cap_s:
            return  # earlier visits took all the time there is, and this one would take as long
        if not again:
            self._timer.time(self._run)  # sets up, or compiles: not what a warm-up's cap is for
        run_s, steady = warm_up(
            self._run,
            self._timer,
            least_s=WARM_UP_AGAIN_S if again else WARM_UP_S,
            cap_s=self._plan.warm_up_cap_s / (8 if again else 1),
        )
        if not again:
            self._steady = steady
        self._per_block = self._per_block or _runs_per_block(self._run, self._timer, run_s)
        samples: list[float] = []
        self._rounds.append(samples)
        least = math.ceil(self._wanted / self._plan.rounds)
        started = self._timer.clock()
        while True:
            run_s = self._timer.time(self._run, self._per_block) / self._per_block
            samples.append(run_s)
            insort(self._ordered, run_s)
            if len(samples) >= least and is_narrow(self._ordered):
                break
            if self._timer.clock() - started >= self._plan.cap_s / self._plan.rounds:
                break
        self._sampled_s += self._timer.clock() - started

    def timing(self) -> Timing:
        """What the visits so far came to."""
        return Timing.of(self._rounds, steady=self._steady)


def sample(run: Callable[[], object], timer: Timer, plan: Effort) -> Timing:
    """Sample one figure by itself, in as many visits as the plan has rounds."""
    sampling = Sampling(run, timer, plan)
    for _ in range(plan.rounds):
        sampling.visit()
    return sampling.timing()


def warm_up(
    run: Callable[[], object], timer: Timer, *, least_s: float, cap_s: float
) -> tuple[float, bool]:
    """Run until it is steady: ten runs, ``least_s``, and the last two windows within 2 %.

    Returns:
        Seconds of one run at the end, and whether it became steady before ``cap_s``.
    """
    seconds: list[float] = []
    started = timer.clock()
    while True:
        seconds.append(timer.time(run))
        elapsed_s = timer.clock() - started
        enough = len(seconds) >= WARM_UP_RUNS and elapsed_s >= least_s
        if enough and _is_steady(seconds):
            return median(seconds[-WINDOW_RUNS:]), True
        if elapsed_s >= cap_s:
            return median(seconds[-WINDOW_RUNS:]), False


def _is_steady(seconds: Sequence[float]) -> bool:
    """Whether the medians of the last two quarters, of five runs at least, agree."""
    window = max(WINDOW_RUNS, len(seconds) // 4)
    last, before = median(seconds[-window:]), median(seconds[-2 * window : -window])
    return abs(last - before) <= STEADY * before


def _runs_per_block(run: Callable[[], object], timer: Timer, run_s: float) -> int:
    """How many runs fill a block; run by run they may take longer than side by side."""
    runs = max(1, math.ceil(SPARE * BLOCK_S / run_s))
    while runs > 1 and (block_s := timer.time(run, runs)) < BLOCK_S:
        runs = max(runs + 1, math.ceil(runs * SPARE * BLOCK_S / block_s))
    return runs
