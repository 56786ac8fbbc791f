"""One row for each architecture and loss, over its seeds; one board for each setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy.typing as npt

from bench.report.analysis import Analysis, analyse, with_intervals
from bench.report.columns import CONSISTENCY_COLUMN, COST_COLUMNS, Column, score_columns
from bench.report.guards import guards_on
from bench.report.race import GridRace, races_of, ranking_metrics, with_reasons
from bench.report.row import Row, labels, make_row
from bench.report.timed import measurements_of, most_timed, timed_networks
from bench.settings import identity
from bench.settings.grid import Grid
from bench.statistics.median import Median
from bench.study.cell_scores import CellScores, image_columns
from bench.study.cell_scores import read as read_scores
from bench.study.comparison import groups_kept_apart
from bench.study.measurement import Measurement
from bench.study.plan import PlannedCell, State, recorded_plan
from bench.study.record import Leakage, Record
from bench.study.results import Results, StoredGrid, latest_provenance
from bench.study.timing_case import INFERENCE

CROSS_ENTROPY = ("mask_bce", "depth_bce", "depth_bce_excess")  # in a table of their own


@dataclass(frozen=True)
class Leaderboard:
    """What `bench report` shows of the cells that share data and budget.

    Attributes:
        grid: the latest one that asked for them.
        rows: the trained rows, the best first; those that are not ranked, and then those without a
            figure, last.
        baselines: the trivial rows, in their fixed order.
        architectures, losses: their names in the grid's order.
        columns: in which any row has a figure; the scores of the trained tasks in any case.
        cross_entropy_columns: of a table of their own.
        records: every record of these cells, complete or failed, in the grid's order.
        analyses: what the values of the images say, by metric; or why that is not known.
        images: by what the test images can be told apart, (N,) each, see `image_columns`.
        leakage: what training knew of the test samples, where it was looked at.
        timed: the speed of the networks, all on one machine.
        timed_elsewhere: the same on further machines, by machine.
        races: its grids as races for seeds.
        remarks: what is wrong with the board as a whole; which speeds do not hold any more.
    """

    grid: Grid
    rows: tuple[Row, ...]
    baselines: tuple[Row, ...]
    architectures: tuple[str, ...]
    losses: tuple[str, ...]
    columns: tuple[Column, ...]
    cross_entropy_columns: tuple[Column, ...]
    records: tuple[Record, ...] = field(repr=False)
    analyses: dict[str, Analysis | str] = field(default_factory=dict, repr=False)
    images: dict[str, npt.NDArray[Any]] = field(default_factory=dict, repr=False)
    leakage: Leakage | None = None
    timed: tuple[Measurement, ...] = field(default=(), repr=False)
    timed_elsewhere: dict[str, tuple[Measurement, ...]] = field(default_factory=dict, repr=False)
    races: tuple[GridRace, ...] = field(default=(), repr=False)
    remarks: tuple[str, ...] = ()

    def is_ranked_by(self, column: Column) -> bool:
        """Return whether any row has a rank in a column."""
        return any(row.figures[column.key].rank for row in self.rows if column.key in row.figures)

    def analysis(self, column: Column) -> Analysis | None:
        """Return what the values of the images say of a column, where that is known."""
        found = self.analyses.get(column.key)
        return found if isinstance(found, Analysis) else None

    def inference_speeds(self) -> dict[str, Median]:
        """Return the images a second of each network that was timed, by its name on the board."""
        found = {}
        for row in self.rows:
            known = (m.images_per_s(INFERENCE) for m in measurements_of(row.cells[0], self.timed))
            speed = next((speed for speed in known if speed is not None), None)
            if speed is not None:
                found[row.architecture] = speed
        return found


def leaderboards(results: Results) -> list[Leaderboard]:
    """Return a leaderboard for each setting that the study's grids share, the latest first."""
    return [_board(grids, results) for grids in results.grids_by_setting().values()]


def _board(stored: list[StoredGrid], results: Results) -> Leaderboard:
    grids, latest = [one.grid for one in stored], latest_provenance(stored)
    planned = list(
        {p.cell.id: p for grid in grids for p in recorded_plan(grid, latest, results)}.values()
    )
    records = tuple(p.record for p in planned if p.record is not None)
    names = dict.fromkeys(identity.of_metric(name) for grid in grids for name in grid.metrics)
    contracts = results.contracts()
    tasks = {task for one in planned if one.cell.loss is not None for task in one.cell.tasks}
    shown = [column for column in score_columns(names, contracts) if column.task in tasks]
    cross_entropy = score_columns(CROSS_ENTROPY, contracts)
    columns = [*shown, CONSISTENCY_COLUMN, *COST_COLUMNS]
    by_machine, outdated = timed_networks(grids, planned, latest, results)
    here = most_timed(by_machine)
    timed = by_machine.get(here, ())
    groups: dict[str, list[PlannedCell]] = {}
    for one in planned:
        groups.setdefault(identity.digest(one.cell.row), []).append(one)
    scores = _scores(planned, [*shown, *cross_entropy], results)
    leakage, images = stored[0].leakage, _images(planned, scores, results)
    groups_apart = groups_kept_apart(grids[0].data.split, leakage, images)
    held = {one.cell.id: one for one in planned}
    races = races_of(
        [(one, [held[cell.id] for cell in results.cells(one.grid)]) for one in stored],
        contracts,
        scores,
        groups_apart,
    )
    rows = _rows(groups, races, [*columns, *cross_entropy], timed, scores)
    baselines = [row for row in rows if row.loss is None]
    trained = sorted(
        (row for row in rows if row.loss is not None), key=lambda row: sort_key(row, shown)
    )
    raced_by = ranking_metrics(races)
    analyses = {
        column.key: analyse(
            column,
            contracts[column.key],
            trained,
            scores,
            groups_apart,
            ranks=raced_by <= {column.key},
        )
        for column in (*shown, *cross_entropy)
    }
    guards = guards_on(trained, scores, analyses, leakage)
    trained = _marked(with_intervals(trained, analyses), baselines, [*columns, *cross_entropy])
    return Leaderboard(
        grid=grids[0],
        rows=tuple(trained),
        baselines=tuple(baselines),
        architectures=tuple(dict.fromkeys(r.architecture for r in rows if r.loss is not None)),
        losses=tuple(dict.fromkeys(row.loss for row in rows if row.loss is not None)),
        columns=tuple(c for c in columns if c in shown or any(c.key in r.figures for r in trained)),
        cross_entropy_columns=tuple(
            c for c in cross_entropy if any(c.key in row.figures for row in trained)
        ),
        records=records,
        analyses=analyses,
        images=images,
        leakage=leakage,
        timed=tuple(by_machine.pop(here, ())),
        timed_elsewhere=by_machine,
        races=tuple(races),
        remarks=(*guards, *outdated),
    )


def _rows(
    groups: Mapping[str, list[PlannedCell]],
    races: Sequence[GridRace],
    columns: Sequence[Column],
    timed: Sequence[Measurement],
    scores: Mapping[str, CellScores],
) -> list[Row]:
    """The rows, trained or not, of cells in groups by the digest of `Cell.row`."""
    named = dict(zip(groups, labels([cells[0].cell for cells in groups.values()]), strict=True))
    titles = {row: f"{architecture}, {loss}" for row, (architecture, loss) in named.items()}
    return [
        make_row(
            label,
            with_reasons(groups[row], races, titles),
            columns,
            measurements_of(groups[row][0].cell, timed),
            scores,
        )
        for row, label in named.items()
    ]


def _scores(
    planned: Sequence[PlannedCell], columns: Sequence[Column], results: Results
) -> dict[str, CellScores]:
    """What the tables of the trained cells say, of those that can be read."""
    names = [column.key for column in columns]
    trained = {
        one.cell.id: one.record
        for one in planned
        if one.record is not None and one.record.summary is not None and one.cell.loss is not None
    }
    read = {cell_id: read_scores(results, record, names) for cell_id, record in trained.items()}
    return {cell_id: scores for cell_id, scores in read.items() if scores is not None}


def _images(
    planned: Sequence[PlannedCell], scores: Mapping[str, CellScores], results: Results
) -> dict[str, npt.NDArray[Any]]:
    """By what the test images can be told apart; of stale cells they may be others."""
    of_tasks = {  # what a cell knows of the truth depends on these alone
        one.cell.tasks: one.record
        for one in planned
        if one.state is State.CURRENT and one.cell.id in scores and one.record is not None
    }
    return {
        name: column
        for record in of_tasks.values()
        for name, column in image_columns(results, record).items()
    }


def _marked(rows: Sequence[Row], baselines: Sequence[Row], columns: Sequence[Column]) -> list[Row]:
    """The rows with the best of each column and what a baseline equals or beats marked."""
    marked = [dict(row.figures) for row in rows]
    for column in columns:
        sign = 1 if column.higher_is_better else -1
        ranked = [row.figures[column.key] for row in rows if row.is_ranked_by(column)]
        best = max((sign * estimate.mean for estimate in ranked), default=None)
        if column.of_speed and any(row.is_ranked and column.key not in row.figures for row in rows):
            best = None  # one whose speed is withheld may be faster
        bar = [sign * b.figures[column.key].mean for b in baselines if column.key in b.figures]
        for row, figures in zip(rows, marked, strict=True):
            if (estimate := figures.get(column.key)) is not None:
                figures[column.key] = replace(
                    estimate,
                    best=estimate.may_be_first
                    if column.is_score
                    else row.is_ranked_by(column) and sign * estimate.mean == best,
                    below_baseline=bool(bar) and sign * estimate.mean <= max(bar),
                )
    return [replace(row, figures=figures) for row, figures in zip(rows, marked, strict=True)]


def sort_key(row: Row, columns: Sequence[Column]) -> tuple[bool, bool, int, float, str, str]:
    """Return what rows are sorted by: the best of the first column first.

    A row without a figure in it stands behind, by the next column. Rows that are not ranked stand
    behind those that are, whatever they have.
    """
    for number, column in enumerate(columns):
        if (estimate := row.figures.get(column.key)) is not None:
            sign = -1 if column.higher_is_better else 1
            return False, not row.is_ranked_by(column), number, sign * estimate.mean, *_names(row)
    return True, not row.is_ranked, 0, 0.0, *_names(row)


def _names(row: Row) -> tuple[str, str]:
    return row.architecture, row.loss or ""
