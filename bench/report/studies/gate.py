"""Is a change between two studies allowed? Conditions such as ``iou < -0.01``."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.errors import InputError, suggestion
from bench.report.studies.speeds import FIGURES

_CONDITION = re.compile(
    r"\s*(?P<metric>[^\s<>]+)\s*(?P<sign>[<>])\s*(?P<size>[^\s%]+)\s*(?P<percent>%?)\s*"
)


class Change(Protocol):
    """How a figure of a row in study B differs from that in study A.

    Attributes:
        title: the row.
        problem: what B lacks, or why the two cannot be compared.
        span: the ends of the interval of B - A; of a speed, of B / A - 1.
        shown: the same in words.
    """

    @property
    def title(self) -> str: ...  # noqa: D102 - see above
    @property
    def problem(self) -> str: ...  # noqa: D102 - see above
    @property
    def span(self) -> tuple[float, float] | None: ...  # noqa: D102 - see above
    @property
    def shown(self) -> str: ...  # noqa: D102 - see above


@dataclass(frozen=True)
class Condition:
    """A change for the worse that is not allowed.

    Attributes:
        metric: the key of its column.
        is_fall: whether less is not allowed, and not more.
        size: of B - A in the metric's unit; of a speed, of B / A - 1.
        text: as it was given.
    """

    metric: str
    is_fall: bool
    size: float
    text: str

    def is_met_by_all_of(self, span: tuple[float, float]) -> bool:
        """Return whether a whole interval lies beyond the size."""
        low, high = span
        return high < self.size if self.is_fall else low > self.size

    def is_met_by_some_of(self, span: tuple[float, float]) -> bool:
        """Return whether a part of an interval lies beyond the size."""
        low, high = span
        return low < self.size if self.is_fall else high > self.size


@dataclass(frozen=True)
class Verdict:
    """What a condition says of two studies.

    Attributes:
        failed: the rows that meet it for certain, or have no figure to compare, and how that is.
        undecided: rows that may meet it, and may not.
        passed: how many rows do not meet it for certain.
    """

    condition: Condition
    failed: tuple[str, ...]
    undecided: tuple[str, ...]
    passed: int


def parse(text: str, metrics: Collection[str]) -> Condition:
    """Read a condition.

    Args:
        text: a metric, ``<`` or ``>``, and a difference, as ``iou < -0.01``; of a speed a share, as
            ``training_images_per_s < -10%``.
        metrics: the scores that can be asked for.

    Raises:
        InputError: it is none, or of another metric; the line says what would be right.
    """
    found = _CONDITION.fullmatch(text)
    size = _number(found["size"]) if found else None
    if found is None or size is None:
        raise InputError(
            f"--fail-if {text!r}: give a metric, < or >, and a difference, as in 'iou < -0.01' or "
            "'training_images_per_s < -10%'"
        )
    metric = found["metric"]
    if metric not in (known := [*metrics, *FIGURES]):
        raise InputError(f"--fail-if {text!r}: no metric {metric}{suggestion(metric, known)}")
    if (metric in FIGURES) != bool(found["percent"]):
        right = "a share of A, as -10%" if metric in FIGURES else "a difference, as -0.01"
        raise InputError(f"--fail-if {text!r}: {metric} takes {right}")
    return Condition(metric, found["sign"] == "<", size / 100 if found["percent"] else size, text)


def judge(condition: Condition, changes: Sequence[Change]) -> Verdict:
    """Return which rows fail a condition.

    A row fails if the whole interval of its change lies beyond the condition's size, or if B has no
    figure to compare. If nothing at all was compared, the condition fails, too.

    Args:
        condition: what is not allowed.
        changes: of its metric, one a row.
    """
    failed, undecided, passed = [], [], 0
    for change in changes:
        shown = ", ".join(filter(None, (change.shown, change.problem)))
        if change.problem:
            failed.append(f"{change.title}: {shown}")
        elif change.span is None:
            continue
        elif condition.is_met_by_all_of(change.span):
            failed.append(f"{change.title}: {shown}")
        elif condition.is_met_by_some_of(change.span):
            undecided.append(f"{change.title}: {shown}")
        else:
            passed += 1
    if not (failed or undecided or passed):
        failed.append("nothing could be compared: no row has a figure in both studies")
    return Verdict(condition, tuple(failed), tuple(undecided), passed)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
