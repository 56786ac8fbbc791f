"""One row for each architecture and loss, over its seeds; one board for each setting."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.report.columns import (
    CONSISTENCY_COLUMN,
    COST_COLUMNS,
    Column,
    Estimate,
    score_columns,
)
from bench.report.remarks import remarks_on
from bench.settings import identity
from bench.settings.grid import Cell, Grid
from bench.study.measurement import Measurement
from bench.study.plan import (
    PlannedCell,
    State,
    changed_code,
    recorded_plan,
    timing_cases,
)
from bench.study.record import Provenance, Record
from bench.study.results import Results, StoredGrid

CROSS_ENTROPY = ("mask_bce", "depth_bce", "depth_bce_excess")  # in a table of their own


@dataclass(frozen=True)
class Row:
    """One architecture with one loss, or one trivial baseline (no loss).

    Attributes:
        seeds: how many of the seeds are complete and current; of ``asked`` that the grids have.
        figures: by the column's key; a column without a figure has no entry.
        is_stale: whether a figure is of a cell whose code, weights or data have changed since.
        remarks: what is missing, failed, stale or out of balance, in words.
    """

    architecture: str
    loss: str | None
    seeds: int
    asked: int
    figures: dict[str, Estimate]
    is_stale: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The row's name in a line."""
        return ", ".join(filter(None, (self.architecture, self.loss)))

    @property
    def is_ranked(self) -> bool:
        """Whether all seeds are complete: a mean over those that survived is no match for one."""
        return self.seeds == self.asked

    def is_ranked_by(self, column: Column) -> bool:
        """Return whether all seeds are complete and have a value in a column."""
        estimate = self.figures.get(column.key)
        return self.is_ranked and estimate is not None and not estimate.lacking


@dataclass(frozen=True)
class Leaderboard:
    """What `bench report` shows of the cells that share data and budget.

    Attributes:
        grid: the latest one that asked for them.
        rows: the trained rows, the best first; those that are not ranked, and then those without a
            figure, last.
        baselines: the trivial rows, in their fixed order.
        architectures, losses: their names in the grid's order.
        columns: in which any row has a figure; the scores in any case.
        cross_entropy_columns: of a table of their own.
        records: every record of these cells, complete or failed, in the grid's order.
        timed: the speed of the networks, all on one machine.
        timed_elsewhere: the same on further machines, by machine.
        remarks: which speeds are withheld, and why.
    """

    grid: Grid
    rows: tuple[Row, ...]
    baselines: tuple[Row, ...]
    architectures: tuple[str, ...]
    losses: tuple[str, ...]
    columns: tuple[Column, ...]
    cross_entropy_columns: tuple[Column, ...]
    records: tuple[Record, ...] = field(repr=False)
    timed: tuple[Measurement, ...] = field(default=(), repr=False)
    timed_elsewhere: dict[str, tuple[Measurement, ...]] = field(default_factory=dict, repr=False)
    remarks: tuple[str, ...] = ()


def leaderboards(results: Results) -> list[Leaderboard]:
    """Return a leaderboard for each setting that the study's grids share, the latest first."""
    boards: dict[str, list[StoredGrid]] = {}
    for stored in results.grids:
        setting = next(cell.setting for cell in stored.grid.cells() if cell.loss is not None)
        boards.setdefault(identity.digest(setting), []).append(stored)
    return [_board(grids, results) for grids in boards.values()]


def _latest(grids: list[StoredGrid]) -> Provenance:
    """What there was behind the cells of some grids with one setting when they were run last."""
    oldest_first = [stored.provenance for stored in reversed(grids)]
    return Provenance(
        data=grids[0].provenance.data,
        split=grids[0].provenance.split,
        weights={what: digest for one in oldest_first for what, digest in one.weights.items()},
        sources={what: files for one in oldest_first for what, files in one.sources.items()},
    )


def _board(stored: list[StoredGrid], results: Results) -> Leaderboard:
    grids, latest = [one.grid for one in stored], _latest(stored)
    planned = list(
        {p.cell.id: p for grid in grids for p in recorded_plan(grid, latest, results)}.values()
    )
    records = tuple(p.record for p in planned if p.record is not None)
    names = dict.fromkeys(identity.of_metric(name) for grid in grids for name in grid.metrics)
    contracts = results.contracts()
    shown = score_columns(names, contracts)
    cross_entropy = score_columns(CROSS_ENTROPY, contracts)
    columns = [*shown, CONSISTENCY_COLUMN, *COST_COLUMNS]
    by_machine, outdated = _timed(grids, planned, latest, results)
    here = _most_timed(by_machine)
    timed = by_machine.get(here, ())
    groups: dict[str, list[PlannedCell]] = {}
    for one in planned:
        groups.setdefault(identity.digest(one.cell.row), []).append(one)
    labels = _labels([group[0].cell for group in groups.values()])
    rows = [
        _row(label, group, [*columns, *cross_entropy], timed)
        for label, group in zip(labels, groups.values(), strict=True)
    ]
    baselines = [row for row in rows if row.loss is None]
    trained = [row for row in rows if row.loss is not None]
    trained = _marked(trained, baselines, [*columns, *cross_entropy])
    return Leaderboard(
        grid=grids[0],
        rows=tuple(sorted(trained, key=lambda row: _rank(row, shown))),
        baselines=tuple(baselines),
        architectures=tuple(dict.fromkeys(row.architecture for row in trained)),
        losses=tuple(dict.fromkeys(row.loss for row in trained if row.loss)),
        columns=tuple(c for c in columns if c in shown or any(c.key in r.figures for r in trained)),
        cross_entropy_columns=tuple(
            c for c in cross_entropy if any(c.key in row.figures for row in trained)
        ),
        records=records,
        timed=tuple(by_machine.pop(here, ())),
        timed_elsewhere=by_machine,
        remarks=tuple(outdated),
    )


def _timed(
    grids: list[Grid], planned: list[PlannedCell], latest: Provenance, results: Results
) -> tuple[dict[str, tuple[Measurement, ...]], list[str]]:
    """What was measured of the grids' networks, by machine; and what of it holds no more."""
    complete = [p.record for p in planned if p.record is not None and p.record.summary is not None]
    cases = {case.id for grid in grids for case, _ in timing_cases(grid, complete)}
    found: dict[str, list[Measurement]] = {}
    outdated = []
    for measurement in results.measurements.values():
        if measurement.case.id not in cases:
            continue
        changes = ", ".join(changed_code(measurement.sources, latest.sources))
        if changes:
            outdated.append(f"{measurement.case.label}: throughput: stale: {changes}")
        else:
            found.setdefault(measurement.environment.machine, []).append(measurement)
    return {machine: tuple(measured) for machine, measured in found.items()}, outdated


def _timed_for(cell: Cell, timed: Sequence[Measurement]) -> Measurement | None:
    """The latest measurement of a cell's network, with its loss if there is one."""
    network = identity.of_architecture(cell.architecture)
    of_network = [m for m in timed if identity.of_architecture(m.case.architecture) == network]
    losses = {m.id: [training.loss for training in m.case.trainings] for m in of_network}
    return max(of_network, key=lambda m: (cell.loss in losses[m.id], m.measured_utc), default=None)


def _most_timed(by_machine: dict[str, tuple[Measurement, ...]]) -> str:
    """The machine that most networks were timed on; of several, the latest."""
    return max(
        by_machine,
        key=lambda machine: (
            sum(measured.failure is None for measured in by_machine[machine]),
            max(measured.measured_utc for measured in by_machine[machine]),
        ),
        default="",
    )


def _labels(cells: Sequence[Cell]) -> list[tuple[str, str | None]]:
    """The names of architecture and loss of each row, told apart where they read the same."""
    architectures = _told_apart(
        [(c.architecture.label, identity.of_architecture(c.architecture)) for c in cells]
    )
    losses = _told_apart(
        [(c.loss.label, identity.of_loss(c.loss)) if c.loss else ("", {}) for c in cells]
    )
    return [
        (architecture, loss if cell.loss else None)
        for architecture, loss, cell in zip(architectures, losses, cells, strict=True)
    ]


def _told_apart(named: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    digests = [(label, identity.digest(content)) for label, content in named]
    times = Counter(label for label, _ in set(digests))
    return [f"{label} #{digest[:4]}" if times[label] > 1 else label for label, digest in digests]


def _row(
    label: tuple[str, str | None],
    planned: list[PlannedCell],
    columns: Sequence[Column],
    timed: Sequence[Measurement],
) -> Row:
    remarks = []
    shown: dict[State, list[Record]] = {State.CURRENT: [], State.STALE: []}
    for one in planned:
        seed = f"seed {one.cell.seed}"
        if one.state is State.MISSING:
            remarks.append(f"{seed}: not run yet")
        elif one.state is not State.CURRENT:
            remarks.append(f"{seed}: {one.state}: {one.why}")
        if one.record is None or one.record.summary is None:
            continue
        shown[one.state].append(one.record)
        remarks += [f"{seed}: {text}" for text in remarks_on(one.record)]
    current, stale = shown[State.CURRENT], shown[State.STALE]
    speed = _timed_for(planned[0].cell, timed)
    figures = {
        column.key: estimate
        for column in columns
        if (estimate := _estimate(column, current or stale, speed)) is not None
    }
    is_stale = bool(stale and not current)
    return Row(*label, len(current), len(planned), figures, is_stale, tuple(remarks))


def _estimate(
    column: Column, records: Sequence[Record], timed: Measurement | None
) -> Estimate | None:
    known = [value for r in records if (value := column.read(r, timed)) is not None]
    if not known:
        return None
    return Estimate(
        mean=statistics.fmean(known),
        lacking=len(records) - len(known),
        sd=statistics.stdev(known) if len(known) > 1 else None,
    )


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
                    best=row.is_ranked_by(column) and sign * estimate.mean == best,
                    below_baseline=bool(bar) and sign * estimate.mean <= max(bar),
                )
    return [replace(row, figures=figures) for row, figures in zip(rows, marked, strict=True)]


def _rank(row: Row, scores: Sequence[Column]) -> tuple[bool, bool, int, float, str, str]:
    """The best of the first metric first; where a row has none, of the next."""
    for place, column in enumerate(scores):
        if (estimate := row.figures.get(column.key)) is not None:
            sign = -1 if column.higher_is_better else 1
            return False, not row.is_ranked_by(column), place, sign * estimate.mean, *_names(row)
    return True, not row.is_ranked, 0, 0.0, *_names(row)


def _names(row: Row) -> tuple[str, str]:
    return row.architecture, row.loss or ""
