"""Which trained cell is meant by an id, its beginning, or ``best``."""

from __future__ import annotations

import math
import warnings

from bench.errors import InputError
from bench.report.columns import Column
from bench.report.leaderboard import leaderboards
from bench.study.record import Record
from bench.study.results import Results

BEST = "best"


def find_cell(results: Results, cell: str) -> Record:
    """Return the record of a cell.

    Args:
        results: the study.
        cell: the cell's id, or how it alone begins; or ``best``: of the first row of the latest
            leaderboard, the seed that is best on the validation images by the metric that the board
            is sorted by. A row whose seeds are all complete goes before one that lacks some.

    Warns:
        UserWarning: the best row lacks seeds.

    Raises:
        InputError: there is none, or more than one.
    """
    if cell != BEST:
        return results.find(cell)
    for board in leaderboards(results)[:1]:
        scores = [column for column in board.columns if column.is_score]
        for row in board.rows:
            by = next((column for column in scores if column.key in row.figures), None)
            if row.records and by is not None:
                if not row.is_ranked:
                    warnings.warn(
                        f"best: no row has all its seeds; {row.title} has {row.seeds} of "
                        f"{row.asked} and leads among those that there are",
                        stacklevel=2,
                    )
                return max(row.records, key=lambda record: _val_worth(record, by))
    raise InputError(f"{results.folder}: no cell is complete, so that none is best")


def _val_worth(record: Record, column: Column) -> float:
    """What the weights that were scored are worth on the validation images."""
    selected = [e for e in record.training.curve if e.selected] if record.training else []
    known = [epoch.val[column.key] for epoch in selected if column.key in epoch.val]
    if not known:
        return -math.inf
    return known[0] if column.higher_is_better else -known[0]
