"""What stands in a leaderboard's columns, and where each figure is read off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bench.evaluation.metrics import Summary
from bench.study.measurement import Measurement
from bench.study.record import Record


class Finished(NamedTuple):
    """A complete record, and what was measured of its network's speed."""

    record: Record
    timed: Measurement | None


@dataclass(frozen=True)
class Estimate:
    """A row's value in one column: the mean over its seeds, and how far they spread.

    Attributes:
        mean: over the seeds that are finished.
        sd: the sample standard deviation over the seeds; None for a single one.
        best: no trained row is better in this column.
        below_baseline: a trivial baseline is at least as good.
        noisy: the timings that it comes from varied too much to rely on.
    """

    mean: float
    sd: float | None = None
    best: bool = False
    below_baseline: bool = False
    noisy: bool = False


@dataclass(frozen=True)
class Column:
    """A figure of merit: how it is read off a finished cell, and which way is better."""

    name: str
    unit: str
    read: Callable[[Finished], float | None]
    higher_is_better: bool
    decimals: int

    @property
    def arrow(self) -> str:
        """Points to the better side."""
        return "↑" if self.higher_is_better else "↓"

    @property
    def title(self) -> str:
        """The heading, with the unit and the arrow."""
        return " ".join(filter(None, (self.name, self.unit, self.arrow)))


def _difference(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _of_summary(read: Callable[[Summary], float | None]) -> Callable[[Finished], float | None]:
    return lambda cell: read(cell.record.summary) if cell.record.summary else None


def _of_timed(read: Callable[[Measurement], float | None]) -> Callable[[Finished], float | None]:
    return lambda cell: read(cell.timed) if cell.timed else None


SCORE_COLUMNS = (
    Column("IoU", "", _of_summary(lambda s: s.iou), higher_is_better=True, decimals=3),
    Column("RMSE", "", _of_summary(lambda s: s.rmse), higher_is_better=False, decimals=4),
)
COST_COLUMNS = (
    Column(
        "inference",
        "images/s",
        _of_timed(lambda result: result.images_per_s("inference")),
        higher_is_better=True,
        decimals=0,
    ),
    Column(
        "training",
        "images/s",
        _of_timed(lambda result: result.images_per_s("training")),
        higher_is_better=True,
        decimals=0,
    ),
    Column(
        "latency",
        "ms",
        _of_timed(lambda result: 1000 * result.latency.median_s if result.latency else None),
        higher_is_better=False,
        decimals=1,
    ),
    Column(
        "peak memory",
        "MiB",
        lambda cell: cell.record.peak_memory_mib,
        higher_is_better=False,
        decimals=0,
    ),
    Column(
        "parameters",
        "M",
        _of_timed(lambda result: result.parameters / 1e6 if result.parameters else None),
        higher_is_better=False,
        decimals=2,
    ),
    Column(
        "forward",
        "GFLOP",
        _of_timed(lambda result: result.flops.forward / 1e9 if result.flops else None),
        higher_is_better=False,
        decimals=2,
    ),
)
CONSISTENCY_COLUMN = Column(
    "self-consistency",
    "RMSE",
    _of_summary(lambda s: s.consistency_rmse),
    higher_is_better=False,
    decimals=4,
)
COLUMNS = (*SCORE_COLUMNS, CONSISTENCY_COLUMN, *COST_COLUMNS)
CROSS_ENTROPY_COLUMNS = tuple(
    Column(name, "", _of_summary(read), higher_is_better=False, decimals=4)
    for name, read in (
        ("mask BCE", lambda s: s.mask_bce),
        ("depth BCE", lambda s: s.depth_bce),
        ("depth BCE less entropy", lambda s: _difference(s.depth_bce, s.depth_entropy)),
    )
)
