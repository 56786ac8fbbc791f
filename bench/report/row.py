"""A row of a leaderboard: one architecture with one loss over its seeds, or a trivial baseline."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.report.columns import Column, Estimate
from bench.report.remarks import Note, remarks_on
from bench.settings import LossPair, identity
from bench.settings.cell import Cell
from bench.statistics.median import Median
from bench.study.cell_scores import CellScores
from bench.study.measurement import Measurement
from bench.study.plan import PlannedCell, State
from bench.study.record import Record

NO_VALUES = "no values of images can be read, so the row has no interval and no rank"


@dataclass(frozen=True)
class Row:
    """One architecture with one loss, or one trivial baseline (no loss).

    Attributes:
        seeds: how many of the seeds are complete and current; of ``asked`` that the grids have.
        records: theirs.
        cells: all that the grids have, finished or not; they differ in their seeds.
        figures: by the column's key; a column without a figure has no entry.
        is_stale: whether a figure is of a cell whose code, weights or data have changed since.
        notes: what is missing, failed, stale or out of balance, and of which seeds.
    """

    architecture: str
    loss: str | None
    seeds: int
    asked: int
    figures: dict[str, Estimate]
    is_stale: bool = False
    notes: tuple[Note, ...] = ()
    records: tuple[Record, ...] = field(default=(), repr=False)
    cells: tuple[Cell, ...] = field(default=(), repr=False)

    @property
    def title(self) -> str:
        """The row's name in a line."""
        return ", ".join(filter(None, (self.architecture, self.loss)))

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes in words, a line each."""
        return tuple(map(str, self.notes))

    @property
    def is_ranked(self) -> bool:
        """Whether all seeds are complete: a mean over those that survived is no match for one."""
        return self.seeds == self.asked

    def is_ranked_by(self, column: Column) -> bool:
        """Return whether all seeds are complete and have a value in a column."""
        estimate = self.figures.get(column.key)
        return self.is_ranked and estimate is not None and not estimate.lacking


def short(architecture: str) -> str:
    """Return an architecture's name without its settings: ``unet`` of ``unet(width=0.25)``."""
    return architecture.partition("(")[0]


def labels(cells: Sequence[Cell]) -> list[tuple[str, str | None]]:
    """Return each row's architecture and loss by name, told apart where they read the same."""
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


def make_row(
    label: tuple[str, str | None],
    planned: Sequence[PlannedCell],
    columns: Sequence[Column],
    timed: Sequence[Measurement],
    scores: Mapping[str, CellScores],
) -> Row:
    """Return the row of some cells that differ in their seeds only.

    Args:
        label: the names of architecture and loss.
        planned: the cells, and what the study holds of them.
        columns: in which figures are wanted.
        timed: the measurements of the network's speed, the latest first.
        scores: what the tables of cells say, by the cell's id.
    """
    seeds: dict[str, list[int]] = {}  # by what is said of them
    shown: dict[State, list[Record]] = {State.CURRENT: [], State.STALE: []}
    for one in planned:
        about = []
        if one.state is State.MISSING:
            about.append(one.why or "not run yet")
        elif one.state is not State.CURRENT:
            about.append(f"{one.state}: {one.why}")
        if one.record is not None and one.record.summary is not None:
            shown[one.state].append(one.record)
            about += remarks_on(one.record, scores.get(one.cell.id))
            own = scores.get(one.cell.id)
            if one.cell.loss is not None and any(s.values for s in scores.values()):
                about += [NO_VALUES] if own is None or not own.values else []
        for text in about:
            seeds.setdefault(text, []).append(one.cell.seed)
    current, stale = shown[State.CURRENT], shown[State.STALE]
    figures = {
        column.key: estimate
        for column in columns
        if (estimate := _estimate(column, current or stale, timed, scores)) is not None
    }
    return Row(
        *label,
        seeds=len(current),
        asked=len(planned),
        figures=figures,
        is_stale=bool(stale and not current),
        notes=tuple(Note(text, tuple(found)) for text, found in seeds.items()),
        records=tuple(current),
        cells=tuple(one.cell for one in planned),
    )


def _estimate(
    column: Column,
    records: Sequence[Record],
    timed: Sequence[Measurement],
    scores: Mapping[str, CellScores],
) -> Estimate | None:
    cells = [scores.get(record.cell.id) for record in records]
    collapsed = [cell is not None and column.task in cell.collapsed for cell in cells]
    learnt = [r for r, failed in zip(records, collapsed, strict=True) if not failed] or records
    known = [value for r in learnt if (value := column.read(r, timed)) is not None]
    if not known:
        return None
    return Estimate(
        mean=statistics.fmean(known),
        seeds=len(known),
        lacking=len(learnt) - len(known),
        sd=statistics.stdev(known) if len(known) > 1 else None,
        collapsed=sum(collapsed),
        finished=len(records),
        timing=_timing(column, timed, records[0].cell.loss),
    )


def _timing(column: Column, timed: Sequence[Measurement], loss: LossPair | None) -> Median | None:
    """The timing of the first measurement that has one, whose figure is the column's."""
    if column.of_timing is None or loss is None:
        return None
    known = (column.of_timing(measured, loss) for measured in timed)
    return next((found for found in known if found is not None), None)
