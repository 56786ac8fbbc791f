"""What a race for seeds decided on a board; and what one would have, where all seeds were run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from bench.report.analysis import Analysis
from bench.settings import identity
from bench.settings.grid import Grid
from bench.statistics.race import looks_of
from bench.study.cell_scores import CellScores
from bench.study.plan import PlannedCell, State
from bench.study.race import LEAST_SEEDS, Standing, percent, standing
from bench.study.record import MetricContract
from bench.study.results import Race, StoredGrid

if TYPE_CHECKING:
    from bench.report.leaderboard import Leaderboard


@dataclass(frozen=True)
class GridRace:
    """A grid as a race: as it was run, or as it would have been.

    Attributes:
        label: of the metric by which rows are compared.
        planned: the grid's cells of trained rows, in its order.
        standing: how far the race has come by them.
        was_run: whether it decided what was run.
    """

    grid: Grid
    race: Race
    label: str
    planned: tuple[PlannedCell, ...]
    standing: Standing
    was_run: bool

    def spared(self) -> list[PlannedCell]:
        """Return the cells that are not there because the race never asks for them."""
        return [
            one
            for one in self.planned
            if one.state is State.MISSING
            and one.cell.id not in self.standing.asked
            and (self.standing.is_over or identity.digest(one.cell.row) in self.standing.exits)
        ]


def races_of(
    grids: Iterable[tuple[StoredGrid, Sequence[PlannedCell]]],
    contracts: Mapping[str, MetricContract],
    scores: Mapping[str, CellScores],
    groups: Mapping[str, npt.NDArray[Any]],
) -> list[GridRace]:
    """Return some grids as races: those that were run as one, or have enough seeds for one.

    Args:
        grids: with their cells and what the study holds of these.
        contracts: of the metrics.
        scores: what the tables of cells say, by the cell's id.
        groups: (N,) of each column of which no group is both trained and tested on.
    """
    found = []
    for stored, planned in grids:
        seeds, metric = len(stored.grid.seeds), identity.of_metric(stored.grid.metrics[0])
        race = stored.race or Race(metric=metric, looks=looks_of(seeds))
        if race.metric in contracts and seeds >= LEAST_SEEDS:
            trained = tuple(one for one in planned if one.cell.loss is not None)
            contract = contracts[race.metric]
            came = standing(race, contract, trained, scores, groups)
            found.append(
                GridRace(stored.grid, race, contract.label, trained, came, stored.race is not None)
            )
    return found


def with_reasons(
    planned: Sequence[PlannedCell], races: Sequence[GridRace], titles: Mapping[str, str]
) -> list[PlannedCell]:
    """Return a row's cells, of which those that a race spared have the reason.

    Those of the row that was left over are not among them: nothing is missing of it.

    Args:
        planned: the cells of the row.
        races: of the board's grids, the latest first; the latest that has a cell decides on it.
        titles: of the rows, by the digest of `Cell.row`.
    """
    reasons: dict[str, str] = {}
    for race in reversed(races):
        for one in race.planned:
            reasons.pop(one.cell.id, None)
        for one in race.spared() if race.was_run else []:
            left = race.standing.exits.get(identity.digest(one.cell.row))
            reasons[one.cell.id] = left.text(titles) if left else ""
    return [
        replace(one, why=reasons.get(one.cell.id, one.why))
        for one in planned
        if reasons.get(one.cell.id) != ""
    ]


def ranking_metrics(races: Iterable[GridRace]) -> set[str]:
    """Return the metrics of those races that spared a cell: rows are to be ranked by no other."""
    return {race.race.metric for race in races if race.was_run and race.spared()}


def decisions(board: Leaderboard) -> Iterator[str]:
    """Say of each race of a board by what it decided, and how many rows went on when."""
    for race in board.races:
        if not (race.was_run and race.spared()):
            continue
        *looks, last = race.race.looks
        yield (
            f"raced by {race.label}: after {_listed(looks)} of {last} seeds, rows that were surely "
            f"not the best got no more (error {percent(race.race.error)} in all); the others alone "
            f"are ranked, by {race.label} alone"
        )
        yield "race: " + ", ".join(
            f"after {look.seeds} seeds {look.going_on} of {look.rows} rows went on"
            for look in race.standing.looks
        )


def raced(board: Leaderboard) -> str | None:
    """Return what a race would have spared on a board all of whose seeds were run."""
    for race in board.races:
        ended = all(one.state in {State.CURRENT, State.FAILED} for one in race.planned)
        has_values = isinstance(board.analyses.get(race.race.metric), Analysis)
        if race.grid is not board.grid or race.was_run or not (ended and has_values):
            continue
        rows = {identity.digest(one.cell.row) for one in race.planned}
        ranked = [identity.digest(r.records[0].cell.row) for r in board.rows if r.is_ranked]
        best = next((row for row in ranked if row in rows), None)
        if best is None or len(rows) == 1:
            continue
        trained = sum(one.cell.id in race.standing.asked for one in race.planned)
        kept = "lost" if best in race.standing.exits else "kept"
        return (
            f"A race for seeds by {race.label} would have trained {trained} of these "
            f"{len(race.planned)} runs, and {kept} the ranked row with the best {race.label}"
        )
    return None


def _listed(numbers: Sequence[int]) -> str:
    """``2, 3 and 5``."""
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last
