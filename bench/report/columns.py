"""What stands in a leaderboard's columns, and where each figure is read off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.settings import LossPair
from bench.statistics.intervals import Interval
from bench.statistics.median import Median
from bench.study.measurement import Measurement
from bench.study.record import UNKNOWN_VERSION, MetricContract, Record
from bench.study.timing_case import INFERENCE, LATENCY, training_figure

Read = Callable[[Record, Sequence[Measurement]], float | None]
ReadSpeed = Callable[[Measurement, LossPair], float | None]
ReadTiming = Callable[[Measurement, LossPair], Median | None]


@dataclass(frozen=True)
class Estimate:
    """A row's value in one column: the mean over its seeds, and how well it is known.

    Attributes:
        mean: over the seeds that are finished; of a score, over those that learnt the task, unless
            none did.
        seeds: how many these are, without those that have no value in this column.
        lacking: how many have none.
        sd: the sample standard deviation over the seeds; None for a single one.
        interval: where the mean lies with other seeds and images; None where that is not known.
        timing: of a speed: the same figure, and where it lies with other rounds of measurement.
        rank: the best and the worst that it may have, if the row is ranked.
        letters: rows that share one cannot be told apart.
        collapsed: how many seeds predict the same whatever they see.
        finished: how many seeds there are, these too.
        best: no trained row is better in this column; of a score, none is for certain.
        below_baseline: a trivial baseline is at least as good.
    """

    mean: float
    seeds: int
    lacking: int = 0
    sd: float | None = None
    interval: Interval | None = None
    timing: Median | None = None
    rank: tuple[int, int] | None = None
    letters: str = ""
    collapsed: int = 0
    finished: int = 0
    best: bool = False
    below_baseline: bool = False

    @property
    def may_be_first(self) -> bool:
        """Whether the row is ranked and none is better for certain."""
        return self.rank is not None and self.rank[0] == 1


@dataclass(frozen=True)
class Column:
    """A figure of merit: how it is read off a finished cell, and which way is better.

    Attributes:
        key: its name in tables for programs.
        name: its name for readers.
        read: the figure of a record; a speed is that of the first of the measurements of its
            network that has one.
        task: mask or depth, if it says how good predictions of it are and not what they cost.
        is_pooled: whether it is one figure over the pixels of all images.
        of_speed: how it is read off a measurement of speed, of a network trained with a loss, if it
            comes from there.
        of_timing: the same with its interval, if it was timed.
    """

    key: str
    name: str
    unit: str
    read: Read
    higher_is_better: bool
    decimals: int
    task: str | None = None
    is_pooled: bool = False
    of_speed: ReadSpeed | None = None
    of_timing: ReadTiming | None = None

    @property
    def is_score(self) -> bool:
        """Whether it says how good predictions are."""
        return self.task is not None

    @property
    def arrow(self) -> str:
        """Points to the better side."""
        return "↑" if self.higher_is_better else "↓"

    @property
    def title(self) -> str:
        """The heading, with the unit and the arrow."""
        return " ".join(filter(None, (self.name, self.unit, self.arrow)))


def score_columns(names: Iterable[str], contracts: Mapping[str, MetricContract]) -> list[Column]:
    """Return a column for each of the metrics that the records know."""
    known = [name for name in names if name in contracts]
    times = Counter(contracts[name].label for name in known)
    labels = {
        name: f"{contracts[name].label} ({name})"
        if times[contracts[name].label] > 1
        else contracts[name].label
        for name in known
    }
    return [
        Column(
            key=name,
            name=labels[name],
            unit=contract.unit,
            read=_of_summary(name, contract),
            higher_is_better=contract.higher_is_better,
            decimals=contract.decimals,
            task=contract.task,
            is_pooled=contract.pooled,
        )
        for name in known
        for contract in (contracts[name],)
    ]


def _of_summary(name: str, contract: MetricContract) -> Read:
    """A figure is read if it is of the version of the metric that the contract is of."""

    def read(record: Record, _: Sequence[Measurement]) -> float | None:
        version = record.metrics.get(name)
        if version not in {contract.source_sha256, UNKNOWN_VERSION}:
            return None
        return (record.summary or {}).get(name)

    return read


def _speed_column(
    key: str,
    name: str,
    unit: str,
    read: ReadSpeed,
    *,
    higher_is_better: bool = False,
    decimals: int,
) -> Column:
    def of_row(record: Record, timed: Sequence[Measurement]) -> float | None:
        loss = record.cell.loss
        known = (read(measured, loss) for measured in timed if loss is not None)
        return next((figure for figure in known if figure is not None), None)

    return Column(
        key=key,
        name=name,
        unit=unit,
        read=of_row,
        higher_is_better=higher_is_better,
        decimals=decimals,
        of_speed=read,
    )


def _timed_column(key: str, name: str, unit: str, read: ReadTiming, **more: Any) -> Column:
    def value(timed: Measurement, loss: LossPair) -> float | None:
        found = read(timed, loss)
        return None if found is None else found.value

    return replace(_speed_column(key, name, unit, value, **more), of_timing=read)


def _latency_ms(timed: Measurement, _: LossPair) -> Median | None:
    latency = timed.seconds(LATENCY)
    return None if latency is None else latency.times(1000)


COST_COLUMNS = (
    _timed_column(
        "inference_images_per_s",
        "inference",
        "images/s",
        lambda timed, _: timed.images_per_s(INFERENCE),
        higher_is_better=True,
        decimals=0,
    ),
    _timed_column(
        "training_images_per_s",
        "training",
        "images/s",
        lambda timed, loss: timed.images_per_s(training_figure(loss)),
        higher_is_better=True,
        decimals=0,
    ),
    _timed_column("latency_ms", "latency", "ms", _latency_ms, decimals=1),
    Column(
        "peak_memory_mib",
        "peak memory",
        "MiB",
        lambda record, _: record.peak_memory_mib,
        higher_is_better=False,
        decimals=0,
    ),
    _speed_column(
        "parameters_m",
        "parameters",
        "M",
        lambda timed, _: timed.parameters / 1e6 if timed.parameters else None,
        decimals=2,
    ),
    _speed_column(
        "forward_gflop",
        "forward",
        "GFLOP",
        lambda timed, _: timed.flops.forward / 1e9 if timed.flops else None,
        decimals=2,
    ),
)
CONSISTENCY_COLUMN = Column(
    "consistency_rmse",
    "self-consistency",
    "RMSE",
    lambda record, _: (record.consistency or {}).get("rmse"),
    higher_is_better=False,
    decimals=4,
    task="depth",
)
