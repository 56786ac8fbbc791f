"""What is timed and when to stop: warm-up until steady, then blocks until enough were undisturbed.

The device is synchronised at both ends of a block and never inside one, so that launching and
computing overlap as they do in use. Latency is the exception: the result of every run is waited
for, as its user would.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.errors import TrainingError
from bench.machine.load import TICK_S, Used, used
from bench.study.measurement import DeviceState
from bench.study.timing import Block, Round, Timing

WARM_UP_RUNS = 10
WARM_UP_S = 1.0
WARM_UP_AGAIN_S = 0.1  # where only the caches are cold
STEADY = 0.02  # by how much the last two windows of a warm-up may differ
WINDOW_RUNS = 5
BLOCK_S = 0.05
CROWDED_BLOCK_S = 0.25  # where cores are watched, which the system tells in ticks
LONG_RUN_S = 1.0  # a visit for one more block costs several runs
SPARE = 1.2  # blocks are laid out that much longer, so that none falls short


@dataclass(frozen=True)
class Timer:
    """A clock for work that may still be queued when the call returns.

    Attributes:
        synchronize: waits until everything that was queued is done.
        clock: the time in seconds.
        used: what this process and others have used of the machine.
        gpu: what a GPU is at; None where there is none, or it does not tell.
    """

    synchronize: Callable[[], None]
    clock: Callable[[], float] = time.perf_counter
    used: Callable[[], Used] = used
    gpu: Callable[[], DeviceState | None] = lambda: None

    def time(self, run: Callable[[], object], times: int = 1) -> float:
        """Seconds from the first call's start to the last result."""
        self.synchronize()
        started = self.clock()
        for _ in range(times):
            run()
        self.synchronize()
        return self.clock() - started

    def block(self, run: Callable[[], object], times: int, *, one_by_one: bool) -> Block:
        """Time some runs, and what they had of the machine meanwhile."""
        started, before = self.clock(), self.used()
        if one_by_one:
            runs_s = tuple(self.time(run) for _ in range(times))
        else:
            runs_s = (self.time(run, times) / times,)
        after, wall_s = self.used(), self.clock() - started
        state = self.gpu()
        return Block(
            runs_s=runs_s,
            **_shares(before, after, wall_s),
            clock_mhz=state and state.clock_mhz,
            foreign_processes=state and state.foreign_processes,
        )


def _shares(before: Used, after: Used, wall_s: float) -> dict[str, float | None]:
    """What was used between two moments, as shares of the time between them."""
    cpu_s = after.cpu_s - before.cpu_s
    found: dict[str, float | None] = {"cpu_share": cpu_s / wall_s}
    if before.waited_s is not None and after.waited_s is not None:
        longest_s = max(s - before.waited_s.get(t, 0.0) for t, s in after.waited_s.items())
        found["waited_share"] = longest_s / wall_s
    if before.switches is not None and after.switches is not None:
        found["switches"] = after.switches - before.switches
    if None not in (*before, *after):
        busy_s, idle_s, stolen_s = (
            end - start  # type: ignore[operator]
            for start, end in zip(before[-3:], after[-3:], strict=True)
        )
        unsure_s = 2 * TICK_S
        found["others_share"] = max(0.0, busy_s - cpu_s - idle_s - unsure_s) / wall_s
        found["stolen_share"] = stolen_s / wall_s
    return found


@dataclass(frozen=True)
class Effort:
    """How much trouble to take with each figure.

    Attributes:
        rounds: visits to each network; where some were disturbed, as many again.
        blocks: undisturbed ones that are wanted of each visit.
        cap_s: the longest that they may take at a visit; at least one is measured.
        patience_s: the longest that disturbed blocks may take, over all visits.
        warm_up_cap_s: the longest warm-up; an eighth of it at later visits.
        thorough: also measure memory, the batch sweep, the device's peak and energy.
    """

    rounds: int
    blocks: int
    cap_s: float
    patience_s: float
    warm_up_cap_s: float
    thorough: bool


QUICK = Effort(6, blocks=3, cap_s=0.5, patience_s=4, warm_up_cap_s=1.5, thorough=False)
FULL = Effort(5, blocks=20, cap_s=4.0, patience_s=20, warm_up_cap_s=10, thorough=True)
GLANCE = Effort(1, blocks=10, cap_s=1.0, patience_s=4, warm_up_cap_s=1.5, thorough=False)


class Sampling:
    """One figure, sampled at several visits between which others have their turn.

    Args:
        run: what is timed.
        timer: times it.
        plan: how thoroughly.
        one_by_one: wait for the result of every run, as latency does.
        crowded: `run` has more threads at work than there are cores.
        warm_up_s: the least warm-up of the first visit.
    """

    def __init__(
        self,
        run: Callable[[], object],
        timer: Timer,
        plan: Effort,
        *,
        one_by_one: bool = False,
        crowded: bool = False,
        warm_up_s: float = WARM_UP_S,
    ) -> None:
        self._run, self._timer, self._plan = run, timer, plan
        self._one_by_one, self._crowded = one_by_one, crowded
        self._warm_up_s = warm_up_s
        self._block_s = CROWDED_BLOCK_S if crowded else BLOCK_S
        self._per_block = 1
        self._fastest_s = math.inf  # of any run so far: what a run takes if nothing disturbs it
        self._lost_s = 0.0
        self._rounds: list[Round] = []

    def visit(self, number: int) -> None:
        """Warm up, then measure blocks until enough were undisturbed, or time is up.

        Args:
            number: of the round.
        """
        plan, clean = self._plan, 0
        if self._is_sampled_enough():
            self._rounds.append(Round(number=number, blocks=()))
            return
        self._warm_up()
        blocks: list[Block] = []
        while True:
            started = self._timer.clock()
            blocks.append(self._block())
            took_s = self._timer.clock() - started
            visit = Round(number=number, blocks=tuple(blocks))
            before, clean = clean, len(self._timing(visit).clean(visit))
            # What the clean blocks take by rights: a hang in one of them ends no visit.
            if clean >= plan.blocks or clean * self._per_block * self._fastest_s >= plan.cap_s:
                break
            if clean <= before:
                self._lost_s += took_s
                # One hang alone ends no visit, however long it was.
                if self._lost_s >= plan.patience_s and len(blocks) - clean > 1:
                    break
        self._rounds.append(visit)

    def _is_sampled_enough(self) -> bool:
        """Whether earlier visits took all the time there is, and this one would take as long."""
        clean = self.timing().counts[0]
        sampled_s = clean * self._per_block * self._fastest_s
        cap_s = self._plan.rounds * self._plan.cap_s
        return clean > 0 and self._fastest_s >= LONG_RUN_S and sampled_s >= cap_s

    def _warm_up(self) -> None:
        again = bool(self._rounds)
        if not again:
            self._timer.time(self._run)  # sets up, or compiles: not what a warm-up's cap is for
        seconds = warm_up(
            self._run,
            self._timer,
            least_s=WARM_UP_AGAIN_S if again else self._warm_up_s,
            cap_s=self._plan.warm_up_cap_s / (8 if again else 1),
        )
        self._note(min(seconds))

    def _note(self, run_s: float) -> None:
        self._fastest_s = min(self._fastest_s, run_s)
        runs = math.ceil(SPARE * self._block_s / self._fastest_s)
        self._per_block = max(self._per_block, runs)

    def _block(self) -> Block:
        """Measure a block; one that proves too short is repeated with more runs."""
        while True:
            runs = self._per_block
            block = self._timer.block(self._run, runs, one_by_one=self._one_by_one)
            took_s = sum(block.runs_s) if self._one_by_one else runs * block.run_s
            self._note(min(block.runs_s))
            if took_s >= self._block_s:
                return block

    def _timing(self, *more: Round) -> Timing:
        return Timing(rounds=(*self._rounds, *more), crowded=self._crowded)

    def timing(self) -> Timing:
        """What the visits so far came to."""
        return self._timing()


def sample_s(run: Callable[[], object], timer: Timer, plan: Effort) -> float:
    """Seconds of one run, of a figure that is sampled by itself.

    Raises:
        TrainingError: it could not be had undisturbed.
    """
    sampling = Sampling(run, timer, plan)
    for number in range(1, plan.rounds + 1):
        sampling.visit(number)
    timing = sampling.timing()
    if timing.seconds is None:
        raise TrainingError(f"{timing.withheld}")
    return timing.seconds.value


def warm_up(
    run: Callable[[], object], timer: Timer, *, least_s: float, cap_s: float
) -> list[float]:
    """Run until it is steady: ten runs, ``least_s``, and the last two windows within 2 %.

    Returns:
        Seconds of each run.
    """
    seconds: list[float] = []
    started = timer.clock()
    while True:
        seconds.append(timer.time(run))
        elapsed_s = timer.clock() - started
        enough = len(seconds) >= WARM_UP_RUNS and elapsed_s >= least_s
        if elapsed_s >= cap_s or (enough and _is_steady(seconds)):
            return seconds


def _is_steady(seconds: Sequence[float]) -> bool:
    """Whether the medians of the last two quarters, of five runs at least, agree."""
    window = max(WINDOW_RUNS, len(seconds) // 4)
    last, before = median(seconds[-window:]), median(seconds[-2 * window : -window])
    return abs(last - before) <= STEADY * before
