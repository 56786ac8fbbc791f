"""What is left to do will take: time, memory and disk, from what a probe of each row has shown."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.settings import identity
from bench.settings.cell import Cell
from bench.settings.grid import Grid


@dataclass(frozen=True)
class StageCost:
    """What a stage of a training takes.

    Attributes:
        setup_s: before its first step, and what its first steps take longer than others.
        step_s: of a step.
        validation_s: of an epoch's validation.
        steps_per_epoch: in a whole epoch.
        steps: in all; None where a clock ends the stage.
        budget_s: seconds of training; None where steps are counted.
    """

    setup_s: float
    step_s: float
    validation_s: float
    steps_per_epoch: int
    steps: int | None
    budget_s: float | None = None

    @property
    def seconds(self) -> float:
        """How long it takes; the last epoch is validated too, however short it is."""
        steps = self.steps
        if steps is None:
            steps = max(1, round((self.budget_s or 0) / self.step_s))
        training_s = steps * self.step_s if self.budget_s is None else self.budget_s
        epochs = math.ceil(steps / self.steps_per_epoch)
        return self.setup_s + training_s + epochs * self.validation_s


@dataclass(frozen=True)
class Cost:
    """What a cell takes.

    Attributes:
        stages: of its training; none of a trivial baseline.
        teacher: that of the teacher, which the first cell of a seed trains for all of them.
        test_s: of scoring the test images, which trials do not.
        around_s: of starting its process and keeping its result.
        peak_memory_mib: as in a record.
        kept_bytes: of its weights, scores and record; a trial keeps next to nothing.
        checkpoint_bytes: of its checkpoint while it trains.
    """

    stages: tuple[StageCost, ...] = ()
    teacher: tuple[StageCost, ...] = ()
    test_s: float = 0.0
    around_s: float = 0.0
    peak_memory_mib: float | None = None
    kept_bytes: int = 0
    checkpoint_bytes: int = 0

    @property
    def trial_s(self) -> float:
        """How long a trial of the search for a recipe takes."""
        return self.around_s + sum(stage.seconds for stage in self.stages)

    @property
    def cell_s(self) -> float:
        """How long a cell takes, but for the training of a teacher."""
        return self.trial_s + self.test_s

    @property
    def teacher_s(self) -> float:
        """How long the training of a teacher takes."""
        return sum(stage.seconds for stage in self.teacher)


def row_of(cell: Cell) -> str:
    """Return what cells have in common that take the same: the network and the loss."""
    return identity.digest(cell.row)


@dataclass(frozen=True)
class Estimate:
    """What the cells of a grid take that have to run, one after the other.

    Attributes:
        grid: the question.
        cells: that have to run, in the order of work.
        costs: by `row_of` a cell what it takes; or why its probe failed, as the cell will too:
            it counts for nothing.
    """

    grid: Grid
    cells: Sequence[Cell]
    costs: Mapping[str, Cost | str]

    def cost_of(self, cell: Cell) -> Cost | None:
        """Return what a cell takes; None if its probe failed."""
        cost = self.costs[row_of(cell)]
        return None if isinstance(cost, str) else cost

    def seconds(self, cell: Cell) -> float:
        """Return how long a cell takes, but for the training of a teacher."""
        cost = self.cost_of(cell)
        if cost is None:
            return 0.0
        return cost.cell_s if cell.trial is None else cost.trial_s

    @property
    def teacher_s(self) -> float:
        """How long the training of the teacher takes that all cells of a seed share."""
        costs = (cost for cost in self.costs.values() if isinstance(cost, Cost))
        return max((cost.teacher_s for cost in costs), default=0.0)

    def ends_s(self) -> list[float]:
        """Return after how long each of the cells has ended."""
        taught: set[int] = set()
        seconds = []
        for cell in self.cells:
            cost = self.cost_of(cell)
            first = cost is not None and cell.loss is not None and cell.seed not in taught
            if first:
                taught.add(cell.seed)
            seconds.append(self.seconds(cell) + (self.teacher_s if first else 0.0))
        return list(itertools.accumulate(seconds))

    def kept_bytes(self) -> int:
        """Return how much the study grows."""
        costs = [self.cost_of(cell) for cell in self.cells if cell.trial is None]
        return sum(cost.kept_bytes for cost in costs if cost is not None)

    def checkpoint_bytes(self) -> int:
        """Return how much the largest checkpoint takes while it replaces the one before it."""
        costs = [self.cost_of(cell) for cell in self.cells]
        return 2 * max((cost.checkpoint_bytes for cost in costs if cost is not None), default=0)

    def fitting(self, budget_s: float) -> int:
        """Return how many of the cells have ended after so many seconds."""
        return sum(end <= budget_s for end in self.ends_s())

    def seeds_within(self, budget_s: float) -> int:
        """Return how many seeds of the whole grid, begun anew, have ended after so many seconds.

        Raises:
            ValueError: not every row of the grid has a cost.
        """
        cells = list(self.grid.cells())
        if not {row_of(cell) for cell in cells} <= self.costs.keys():
            raise ValueError("not every row has been probed")
        once = sum(self.seconds(cell) for cell in cells if cell.loss is None)
        once += sum(self.seconds(trial) for trial in self.grid.trials())
        seed = self.grid.seeds[0]
        of_a_seed = [cell for cell in cells if cell.loss is not None and cell.seed == seed]
        each = self.teacher_s + sum(self.seconds(cell) for cell in of_a_seed)
        tuning = self.grid.tuning
        if tuning is not None and tuning.seed not in self.grid.seeds:
            once += self.teacher_s
        return max(0, math.floor((budget_s - once) / each)) if each else 0
