"""Leaderboards as one table for programs: a row for each of theirs, figures as they are.

| column | what |
|---|---|
| ``board`` | 0 for the latest setting of the study, 1 for the one before, ... |
| ``architecture``, ``loss`` | the row's names; a trivial baseline has no loss |
| ``seeds``, ``asked`` | how many seeds are complete and current, and of how many |
| ``ranked`` | whether all of them are, so that the row may have ranks |
| ``stale`` | whether figures are of cells whose code, weights or data have changed since |
| ``remarks`` | what is missing, failed, stale, collapsed or withheld, in words |
| ``KEY`` | a metric or a cost: the mean over the seeds |
| ``KEY_best`` | whether no row is better; of a metric, for certain |

Of a metric besides:

| column | what |
|---|---|
| ``KEY_seeds`` | how many seeds the mean is over: those that learnt the task, unless none did |
| ``KEY_collapsed`` | how many seeds predict the same whatever they see |
| ``KEY_sd`` | the sample standard deviation over the seeds |
| ``KEY_low``, ``KEY_high``, ``KEY_half_width`` | the 95 % interval |
| ``KEY_of_one_seed`` | whether it is of one seed: of a checkpoint, not of a recipe |
| ``KEY_rank_low``, ``KEY_rank_high`` | the best and the worst rank that the row may have |
| ``KEY_ties`` | letters: rows that share one cannot be told apart |
| ``KEY_below_baseline`` | whether a trivial baseline is at least as good |

Of a speed (``inference_images_per_s``, ``training_images_per_s``, ``latency_ms``) besides:

| column | what |
|---|---|
| ``KEY_low``, ``KEY_high``, ``KEY_half_width`` | the 95 % interval, with other rounds of timing |

``KEY`` is a name that `bench list metrics` has, or one of the costs ``inference_images_per_s``,
``training_images_per_s``, ``latency_ms``, ``peak_memory_mib``, ``parameters_m``, ``forward_gflop``.
What is not known is missing; where there is no figure, counts are 0 and statements false.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bench.report.columns import Column, Estimate
from bench.report.leaderboard import Leaderboard
from bench.report.row import Row
from bench.report.selection import ShownBoard
from bench.statistics.intervals import Interval
from bench.statistics.median import Median

NO_FIGURE = Estimate(mean=math.nan, seeds=0)


def board_frame(shown: Sequence[ShownBoard]) -> pd.DataFrame:
    """Return what is shown of some boards as one table; see the top of this module."""
    columns = {
        column.key: column for one in shown for column in (*one.columns, *one.cross_entropy_columns)
    }
    frame = pd.DataFrame(
        {
            "board": number,
            "architecture": row.architecture,
            "loss": row.loss,
            "seeds": row.seeds,
            "asked": row.asked,
            "ranked": row.is_ranked,
            "stale": row.is_stale,
            **{
                f"{column.key}{suffix}": value
                for column in columns.values()
                for suffix, value in _figures(row, column)
            },
            "remarks": "; ".join(_remarks(one.board, row)) or None,
        }
        for number, one in enumerate(shown)
        for row in one.all_rows
    )
    texts = ["loss", "remarks", *(f"{c.key}_ties" for c in columns.values() if c.is_score)]
    for name in texts if len(frame) else []:  # also where all are missing
        frame[name] = pd.Series(frame[name].tolist(), dtype="str")
    return frame


def as_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV in which every number reads back as it is."""
    return frame.to_csv(index=False, lineterminator="\n")


def as_json(frame: pd.DataFrame) -> str:
    """Return a table as a JSON list of its rows, null for what is missing."""
    rows = [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_parquet(frame: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    return file.getvalue()


def ends_of(interval: Interval | Median | None) -> dict[str, float]:
    """Return the ends of an interval and half of its width, by what follows a column's key."""
    known = interval or Median(math.nan)
    ends = {"_low": known.low, "_high": known.high, "_half_width": known.half_width}
    return {name: math.nan if end is None else end for name, end in ends.items()}


def _figures(row: Row, column: Column) -> Iterator[tuple[str, Any]]:
    """Give what a row has in a column, by what follows the column's key."""
    estimate = row.figures.get(column.key, NO_FIGURE)
    yield "", estimate.mean
    if column.is_score:
        low, high = estimate.rank or (math.nan, math.nan)
        yield "_seeds", estimate.seeds
        yield "_collapsed", estimate.collapsed
        yield "_sd", math.nan if estimate.sd is None else estimate.sd
        yield from ends_of(estimate.interval).items()
        yield "_of_one_seed", bool(estimate.interval and estimate.interval.of_checkpoint)
        yield "_rank_low", float(low)
        yield "_rank_high", float(high)
        yield "_ties", estimate.letters or None
        yield "_below_baseline", estimate.below_baseline
    elif column.of_timing is not None:
        yield from ends_of(estimate.timing).items()
    yield "_best", estimate.best


def _remarks(board: Leaderboard, row: Row) -> Iterator[str]:
    """Give what there is to say of a row, the speed of its network included."""
    yield from row.remarks
    if row.loss is not None:
        for measured in board.timed:
            if measured.case.label == row.architecture:
                yield from (f"throughput: {problem}" for problem in measured.problems)
