"""What is kept of how long something took: every block of runs, and which of them count.

Other programs can only make a run slower. So each block keeps how much of the machine it had, and
one that lacked some of it does not count. All figures are views of the blocks that do.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator, Mapping
from typing import Self

from bench.statistics.median import Median, median_of_rounds, quantile
from bench.study.record import Frozen

LOST = 0.02  # of a block's time: kept from a core for longer, it does not count
CPU_LOST = 0.25  # of the processor time that it might have had, where the system tells that alone
COMPUTES = 0.5  # from this share of processor time on; a process that waits for a GPU has less
SLOWED = 0.1  # by which a GPU's clock may be below the highest one of a figure
LEAST_BLOCKS = 6  # below it a disturbed figure is withheld
LEAST_ROUNDS = 2  # the same
PROCESSES = 0.01  # by which processes that do the same differ, each as long as it lives


class Block(Frozen):
    """Some runs, one after the other, and how much of the machine they had.

    Attributes:
        runs_s: seconds of each run whose result was waited for; of runs that were not waited for
            one by one, their mean alone.
        cpu_share: processor time of this process, by wall time; None where it was not recorded.
        waited_share: of the time, how long the thread that waited longest was ready to compute and
            had no core; None where the system does not tell.
        others_share: how long other programs took the cores that this process may use, beyond what
            stood idle; the same.
        stolen_share: how long a virtual machine's host took the cores; the same.
        switches: how often a thread had to leave its core; the same.
        clock_mhz: of a GPU's multiprocessors at the end; None where it cannot be told.
        foreign_processes: how many other programs computed on the GPU at the end; the same.
    """

    runs_s: tuple[float, ...]
    cpu_share: float | None = None
    waited_share: float | None = None
    others_share: float | None = None
    stolen_share: float | None = None
    switches: int | None = None
    clock_mhz: int | None = None
    foreign_processes: int | None = None

    @property
    def run_s(self) -> float:
        """Seconds of a run."""
        return statistics.median(self.runs_s)


class Round(Frozen):
    """What one visit measured.

    Attributes:
        number: from 1; networks that were visited in turn share it.
        blocks: none where earlier visits took all the time that the figure may take.
        drifted: whether the machine as a whole was slower than in another round, by what the
            reference took, or the reference could not be measured.
    """

    number: int
    blocks: tuple[Block, ...]
    drifted: bool = False


class Timing(Frozen):
    """How long one run takes.

    Attributes:
        rounds: all that was measured, in order.
        crowded: whether the process has more threads at work than cores, so that they wait for each
            other; then it counts what others took.
    """

    rounds: tuple[Round, ...]
    crowded: bool = False

    def clean(self, visit: Round) -> list[Block]:
        """Return the blocks of a round that nothing disturbed."""
        most_cpu = max((block.cpu_share or 0.0 for block in self._blocks()), default=0.0)
        clocks = [block.clock_mhz for block in self._blocks() if block.clock_mhz is not None]
        return [
            block
            for block in visit.blocks
            if not self._lost_time(block, most_cpu)
            and not block.foreign_processes
            and (block.clock_mhz is None or block.clock_mhz >= (1 - SLOWED) * max(clocks))
        ]

    def _lost_time(self, block: Block, most_cpu: float) -> bool:
        lost = block.others_share if self.crowded else block.waited_share
        if lost is None:
            cpu = block.cpu_share
            return most_cpu >= COMPUTES and cpu is not None and cpu < (1 - CPU_LOST) * most_cpu
        return lost + (block.stolen_share or 0.0) > LOST

    def _blocks(self) -> Iterator[Block]:
        for visit in self.rounds:
            yield from visit.blocks

    @property
    def by_round(self) -> dict[int, float]:
        """Seconds of a run in each round that counts: the median of its clean blocks."""
        return {
            visit.number: statistics.median(block.run_s for block in clean)
            for visit in self.rounds
            if not visit.drifted and (clean := self.clean(visit))
        }

    @property
    def counts(self) -> tuple[int, int]:
        """How many blocks count, and how many were measured."""
        clean = sum(len(self.clean(visit)) for visit in self.rounds if not visit.drifted)
        return clean, sum(len(visit.blocks) for visit in self.rounds)

    @property
    def withheld(self) -> str | None:
        """Why there is no figure; None where there is one."""
        clean, measured = self.counts
        rounds = [visit for visit in self.rounds if visit.blocks]
        few_rounds = len(self.by_round) < min(LEAST_ROUNDS, len(rounds))
        if clean < measured and (clean < LEAST_BLOCKS or few_rounds):
            return f"disturbed: {clean} of {measured} blocks clean"
        return None

    @property
    def seconds(self) -> Median | None:
        """Seconds of a run; None where the figure is withheld."""
        if self.withheld is not None:
            return None
        return median_of_rounds(self.by_round.values(), PROCESSES)

    @property
    def p99_s(self) -> float | None:
        """The 99th percentile of single runs, of those that were waited for."""
        if self.withheld is not None:
            return None
        kept = [visit for visit in self.rounds if not visit.drifted]
        return quantile(sorted(s for v in kept for b in self.clean(v) for s in b.runs_s), 0.99)

    def good_rounds(self) -> int:
        """Return how many rounds leave nothing to be measured again."""
        return sum(
            not visit.drifted and (not visit.blocks or bool(self.clean(visit)))
            for visit in self.rounds
        )

    def with_drift(self, drifted: Collection[int]) -> Self:
        """Return the same with these rounds, by number, as those that drifted."""
        return self.model_copy(
            update={
                "rounds": tuple(
                    visit.model_copy(update={"drifted": visit.number in drifted})
                    for visit in self.rounds
                )
            }
        )

    def times_as_fast(self, reference: Mapping[int, float]) -> Median | None:
        """Return how many times as fast as a reference this is, in the rounds that both have.

        Args:
            reference: its seconds by round.
        """
        ours = self.by_round
        pairs = [reference[number] / ours[number] for number in ours.keys() & reference.keys()]
        if self.withheld is not None or not pairs:
            return None
        return median_of_rounds(pairs, PROCESSES)
