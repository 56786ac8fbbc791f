"""What is a metric, and what do all metrics have in common?

A file in `bench/evaluation/metrics/` writes down a formula, and `metric` makes a `Metric` of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from architectures.errors import in_one_line
from bench.errors import TrainingError
from bench.study.record import MetricContract, Record, Summary

Formula = Callable[[pd.DataFrame], Any]


@dataclass(frozen=True, eq=False)
class Metric:
    """A figure of merit, as a view of a table of per-image sums.

    Attributes:
        name: as a grid asks for it.
        formula: gets the columns of ``reads``, one row an image. It returns one value an image,
            NaN where the image has none; a pooled metric returns one number for the whole table,
            NaN where there is none.
        reads: columns of `bench.evaluation.sums.COLUMNS`.
        contract: what is kept of the metric beside its figures.
        path: the file that defines it.
    """

    name: str
    formula: Formula
    reads: tuple[str, ...]
    contract: MetricContract
    path: Path

    def is_readable(self, sums: pd.DataFrame) -> bool:
        """Return whether a table has the columns that the metric reads."""
        return set(self.reads) <= set(sums.columns)

    def is_in(self, record: Record) -> bool:
        """Return whether a record has a figure of this version of the metric."""
        version = record.metrics.get(self.name)
        return version == self.contract.source_sha256 and self.name in (record.summary or {})

    def per_image(self, sums: pd.DataFrame) -> pd.Series[float]:
        """Return the value of each image, NaN where it has none; a pooled metric has no such."""
        values: pd.Series[float] = self.formula(sums[list(self.reads)])
        return values

    def _figure(self, sums: pd.DataFrame) -> float:
        if self.contract.pooled:
            return float(self.formula(sums[list(self.reads)]))
        values = self.per_image(sums)
        if len(values) != len(sums):
            raise ValueError(f"has {len(values)} values for {len(sums)} images")
        return float(values.mean())

    def value(self, sums: pd.DataFrame) -> float | None:
        """Return the figure of a set of images, None where no image has a value.

        It is the mean over the images with a value, or the pooled number.

        Raises:
            TrainingError: the formula fails, or the figure is not in the range of the contract.
        """
        try:
            figure = self._figure(sums)
        except Exception as error:
            reason = in_one_line(error)
            raise TrainingError(f"metric {self.name}: {reason}") from error
        if math.isnan(figure):
            return None
        if not self.contract.allows(figure):
            raise TrainingError(f"metric {self.name}: {figure} is not {self.contract.limits}")
        return figure


@dataclass(frozen=True)
class Figures:
    """What some metrics say of a set of images.

    Attributes:
        summary: by metric, of those that can read the table and have a value.
        problems: by metric, why one has none that its contract allows.
    """

    summary: Summary
    problems: dict[str, str]


def metric(
    *,
    label: str,
    task: Literal["mask", "depth"],
    reads: tuple[str, ...],
    higher_is_better: bool,
    decimals: int,
    unit: str = "",
    version: int = 1,
    minimum: float | None = None,
    maximum: float | None = None,
    pooled: bool = False,
) -> Callable[[Formula], Metric]:
    """Make a `Metric` of the decorated formula, whose docstring becomes its description.

    The arguments are attributes of `Metric` and `MetricContract`.
    """

    def decorate(formula: Formula) -> Metric:
        path = Path(inspect.getfile(formula))
        contract = MetricContract(
            label=label,
            task=task,
            unit=unit,
            higher_is_better=higher_is_better,
            decimals=decimals,
            version=version,
            minimum=minimum,
            maximum=maximum,
            pooled=pooled,
            source_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            description=inspect.getdoc(formula) or "",
        )
        return Metric(formula.__name__, formula, tuple(reads), contract, path)

    return decorate


def evaluate(sums: pd.DataFrame, metrics: Iterable[Metric]) -> Figures:
    """Return the figures of a table; a metric that fails takes no other's figure with it."""
    summary: Summary = {}
    problems = {}
    for one in metrics:
        try:
            summary |= summarise(sums, [one])
        except TrainingError as error:
            problems[one.name] = str(error)
    return Figures(summary, problems)


def per_image(sums: pd.DataFrame, metrics: Iterable[Metric]) -> pd.DataFrame:
    """Return a table of the metrics' values, one row an image, NaN where an image has none.

    Its columns: ``key``, and each metric that can read the table, does not fail, and is not pooled.
    """
    values = {}
    for one in metrics:
        if one.contract.pooled or not one.is_readable(sums):
            continue
        with contextlib.suppress(Exception):  # `evaluate` tells why it fails
            values[one.name] = one.per_image(sums).astype(float)
    return pd.DataFrame({"key": sums["key"], **values})


def summarise(sums: pd.DataFrame, metrics: Iterable[Metric]) -> Summary:
    """Return the figures of a table, by name: of the metrics that can read it and have a value.

    Raises:
        TrainingError: a metric fails, or gives what its contract does not allow.
    """
    figures = {m.name: m.value(sums) for m in metrics if m.is_readable(sums)}
    return {name: figure for name, figure in figures.items() if figure is not None}
