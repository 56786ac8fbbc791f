"""A grid run as a race: look by look, each with the seeds of those rows that may still be best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.errors import InputError
from bench.events import Listener, Remark
from bench.execution.context import load_metrics
from bench.execution.provenance import Inventory
from bench.settings import identity
from bench.settings.cell import Cell
from bench.settings.grid import Grid
from bench.statistics.race import looks_of
from bench.study import race
from bench.study.cell_scores import image_columns, read
from bench.study.comparison import groups_kept_apart
from bench.study.plan import PlannedCell, State, plan
from bench.study.race import LEAST_SEEDS, Standing
from bench.study.record import Leakage, MetricContract
from bench.study.results import Race, Results
from bench.study.study import Study

LEAST_ROWS = 2


@dataclass(frozen=True)
class GridRace:
    """A race over the rows of a grid.

    Attributes:
        contract: what the metric is by which rows are compared.
    """

    grid: Grid
    race: Race
    contract: MetricContract

    def first_cells(self) -> Iterator[Cell]:
        """Give the cells up to the first look."""
        seeds = self.grid.seeds[: self.race.looks[0]]
        return self.grid.model_copy(update={"seeds": seeds}).cells()

    def standing(
        self,
        planned: Sequence[PlannedCell],
        due: set[str],
        results: Results,
        leakage: Leakage | None,
    ) -> Standing:
        """Return how far the race has come by what a study holds.

        Args:
            planned: the cells of the grid.
            due: the ids of those whose records do not count, because they will be run again.
            results: of the study.
            leakage: what training knows of the test samples.
        """
        known = [replace(p, state=State.MISSING) if p.cell.id in due else p for p in planned]
        current = [p.record for p in known if p.state is State.CURRENT and p.record and p.cell.loss]
        read_of = {record.cell.id: read(results, record, [self.race.metric]) for record in current}
        scores = {cell_id: found for cell_id, found in read_of.items() if found is not None}
        readable = next((record for record in current if record.cell.id in scores), None)
        columns = {} if readable is None else image_columns(results, readable)
        groups = groups_kept_apart(self.grid.data.split, leakage, columns)
        return race.standing(self.race, self.contract, known, scores, groups)


def enter_race(grid: Grid) -> GridRace:
    """Return the race over a grid's rows, by its first metric.

    Raises:
        InputError: it could decide nothing.
    """
    rows, seeds = len(grid.architectures) * len(grid.losses), len(grid.seeds)
    if rows < LEAST_ROWS or seeds < LEAST_SEEDS:
        raise InputError(
            f"--race: needs {LEAST_ROWS} rows and {LEAST_SEEDS} seeds or more, so that one row can "
            f"have fewer; the grid has {rows} and {seeds}"
        )
    name = identity.of_metric(grid.metrics[0])
    contract = next(one.contract for one in load_metrics(grid) if one.name == name)
    trained = {task for cell in grid.cells() if cell.loss is not None for task in cell.tasks}
    if contract.task not in trained:
        raise InputError(
            f"--race: the first of metrics, {name}, is about {contract.task}, which no loss of the "
            "grid trains; put another one first"
        )
    if contract.pooled:
        raise InputError(
            f"--race: the first of metrics, {name}, has no value of each image, by which rows are "
            "compared; put another one first"
        )
    return GridRace(grid, Race(metric=name, looks=looks_of(seeds)), contract)


def run_race(
    entered: GridRace,
    cells: Sequence[Cell],
    due: set[str],
    *,
    study: Study,
    inventory: Inventory,
    leakage: Leakage | None,
    work: Callable[[Sequence[Cell], set[str]], None],
    listen: Listener,
) -> None:
    """Run those cells that a race asks for, until it asks for no more.

    Args:
        entered: the race.
        cells: of the grid.
        due: the ids of those that have to run if they are asked for.
        study: where results are kept.
        inventory: what there is behind the cells' settings.
        leakage: what training knows of the test samples.
        work: runs, of the cells that are asked for so far, those of some ids.
        listen: told which row leaves the race, and why.
    """
    rows = {identity.digest(c.row): (c.architecture, c.loss) for c in cells if c.loss is not None}
    titles = {row: f"{network.label}, {loss.label}" for row, (network, loss) in rows.items()}
    left_to_run, told = set(due), set[str]()
    while True:
        results = study.load_or_empty()
        standing = entered.standing(
            plan(cells, results, inventory.of), left_to_run, results, leakage
        )
        for row, left in standing.exits.items():
            if row not in told:
                listen(Remark(left.text(titles), titles[row]))
        told |= standing.exits.keys()
        now = left_to_run & standing.asked
        if not now:
            return
        work([cell for cell in cells if cell.id in standing.asked], now)
        left_to_run -= now
