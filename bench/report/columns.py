"""What stands in a leaderboard's columns, and where each figure is read off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bench.metrics import Summary
from bench.record import Record
from bench.throughput.result import Result


class Speed(NamedTuple):
    """How fast a network is and what it takes; None for what is not known.

    Attributes:
        noisy: the names of the columns whose figures are noisy.
    """

    inference_images_per_s: float | None
    training_images_per_s: float | None
    latency_ms: float | None
    parameters: int | None
    forward_flops: int | None
    noisy: frozenset[str] = frozenset()

    @classmethod
    def of(cls, result: Result) -> Speed:
        """Read them off a measurement."""
        timings = {
            "inference": result.inference,
            "training": result.training,
            "latency": result.latency,
        }
        return cls(
            result.images_per_s("inference"),
            result.images_per_s("training"),
            None if result.latency is None else 1000 * result.latency.median_s,
            result.parameters,
            None if result.flops is None else result.flops.forward,
            frozenset(name for name, timing in timings.items() if timing and timing.noisy),
        )


class Finished(NamedTuple):
    """A complete record, and the speed of its network."""

    record: Record
    speed: Speed | None


@dataclass(frozen=True)
class Figure:
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


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _of_summary(read: Callable[[Summary], float | None]) -> Callable[[Finished], float | None]:
    return lambda cell: read(cell.record.summary) if cell.record.summary else None


def _of_speed(read: Callable[[Speed], float | None]) -> Callable[[Finished], float | None]:
    return lambda cell: read(cell.speed) if cell.speed else None


SCORE_COLUMNS = (
    Column("IoU", "", _of_summary(lambda s: s.iou), higher_is_better=True, decimals=3),
    Column("RMSE", "", _of_summary(lambda s: s.rmse), higher_is_better=False, decimals=4),
)
COST_COLUMNS = (
    Column(
        "inference",
        "images/s",
        _of_speed(lambda speed: speed.inference_images_per_s),
        higher_is_better=True,
        decimals=0,
    ),
    Column(
        "training",
        "images/s",
        _of_speed(lambda speed: speed.training_images_per_s),
        higher_is_better=True,
        decimals=0,
    ),
    Column(
        "latency",
        "ms",
        _of_speed(lambda speed: speed.latency_ms),
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
        _of_speed(lambda speed: _scaled(speed.parameters, 1e6)),
        higher_is_better=False,
        decimals=2,
    ),
    Column(
        "forward",
        "GFLOP",
        _of_speed(lambda speed: _scaled(speed.forward_flops, 1e9)),
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
