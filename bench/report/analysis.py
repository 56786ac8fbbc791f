"""What the values of the images say of a board's rows by one metric: intervals, ranks, ties."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import InputError
from bench.report.columns import Column
from bench.report.row import Row
from bench.statistics.intervals import Interval, mean_of
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.ranks import LEAST_BORROWED, Ranking, rank
from bench.statistics.shared_variances import shared_variances
from bench.study.cell_scores import CellScores
from bench.study.comparison import panel_of
from bench.study.record import MetricContract

ENOUGH_SEEDS = 3
SEED = 0  # of the draws: the same records give the same figures


@dataclass(frozen=True, eq=False)
class Analysis:
    """One metric over the rows that can be compared by it.

    Attributes:
        contract: the metric.
        rows: the numbers, on the board, of the panel's C rows.
        cells: the ids of the runs that trained, the seeds of each row.
        has_value: (N,) which test images have a value; the others are left out of the panel.
        panel: their values.
        seeds: the variances between seeds, as far as rows share them.
        intervals: (C,) of the rows' means, each by its own seeds if there are three.
        ranking: of the rows that have two seeds or more.
        kept_apart: the columns of which no group is both trained and tested on.
    """

    contract: MetricContract
    rows: tuple[int, ...]
    cells: tuple[tuple[str, ...], ...]
    has_value: npt.NDArray[np.bool_]
    panel: Panel
    seeds: SeedVariances
    intervals: tuple[Interval, ...]
    ranking: Ranking
    kept_apart: tuple[str, ...]

    @property
    def level_of_a_pair(self) -> float:
        """The confidence with which one pair has to differ, so that all pairs hold at 95 %."""
        pairs = math.comb(int(self.ranking.ranked.sum()), 2)
        return 1 - 0.05 / max(1, pairs)

    @property
    def sign(self) -> int:
        """1 if more is better, else -1."""
        return 1 if self.contract.higher_is_better else -1


def analyse(
    column: Column,
    contract: MetricContract,
    rows: Sequence[Row],
    scores: Mapping[str, CellScores],
    groups: Mapping[str, npt.NDArray[Any]],
    *,
    ranks: bool = True,
) -> Analysis | str:
    """Compare the rows of a board by one metric.

    Args:
        column: of the metric.
        contract: what it is.
        rows: of the board.
        scores: what the tables of cells say, by the cell's id.
        groups: (N,) of each column of which no group is both trained and tested on.
        ranks: whether any row is ranked.

    Returns:
        The analysis, or why there is none.
    """
    if contract.pooled:
        return f"{column.name} is one figure over the pixels of all images"
    known: dict[int, list[CellScores]] = {}
    for number, row in enumerate(rows):
        estimate = row.figures.get(column.key)
        if estimate is None or estimate.lacking:
            continue
        read = [scores[r.cell.id] for r in row.records if r.cell.id in scores]
        learnt = [cell for cell in read if contract.task not in cell.collapsed] or read
        if read and len(read) == row.seeds and all(column.key in c.values for c in learnt):
            known[number] = learnt
    if not known:
        return _why_unknown(column, rows)
    try:
        panel = panel_of(column.key, list(known.values()), groups)
    except InputError as error:
        return str(error)
    values = next(iter(known.values()))[0].values[column.key]
    learnt_any = np.array([contract.task not in c[0].collapsed for c in known.values()])
    seeds = shared_variances(panel.seeds, learnt_any)
    return Analysis(
        contract=contract,
        rows=tuple(known),
        cells=tuple(tuple(cell.cell for cell in of_row) for of_row in known.values()),
        has_value=~np.isnan(values),
        panel=panel,
        seeds=seeds,
        intervals=tuple(
            mean_of(panel, place, seeds if borrows else None)
            for place, borrows in enumerate(_borrows(panel, seeds))
        ),
        ranking=rank(
            panel,
            np.random.default_rng(SEED),
            seeds=seeds,
            rows=learnt_any & [ranks and rows[number].is_ranked for number in known],
            higher_is_better=contract.higher_is_better,
        ),
        kept_apart=tuple(groups),
    )


def _why_unknown(column: Column, rows: Sequence[Row]) -> str:
    """Why the values of the images say nothing of any row."""
    having = [row for row in rows if column.key in row.figures]
    if not having:
        is_trained = any(row.figures for row in rows)
        return (
            f"no row has a figure in {column.name}" if is_trained else "no network is trained yet"
        )
    if all(row.is_stale for row in having):
        return "every figure is stale"
    return "no values of images can be read"


def _borrows(panel: Panel, seeds: SeedVariances) -> npt.NDArray[np.bool_]:
    """Whether a row (C,) takes the seeds' variance that rows share: two of its own tell too little.

    One seed tells nothing, and has to borrow as much as makes it ranked.
    """
    enough = (panel.seed_counts > 1) | (seeds.freedom >= LEAST_BORROWED)
    borrows: npt.NDArray[np.bool_] = (panel.seed_counts < ENOUGH_SEEDS) & enough
    return borrows


def with_intervals(rows: Sequence[Row], analyses: Mapping[str, Analysis | str]) -> list[Row]:
    """Return the rows with the intervals, ranks and letters of their figures."""
    figures = [dict(row.figures) for row in rows]
    for key, found in analyses.items():
        if isinstance(found, str):
            continue
        ranking = found.ranking
        for place, number in enumerate(found.rows):
            low, high = int(ranking.low[place]), int(ranking.high[place])
            figures[number][key] = replace(
                figures[number][key],
                interval=found.intervals[place],
                rank=(low, high) if low else None,
                letters=ranking.letters[place],
            )
    return [replace(row, figures=own) for row, own in zip(rows, figures, strict=True)]
