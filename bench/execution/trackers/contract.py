"""What every tracker is told: runs with parameters, curves, remarks and an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

Parameter = str | int | float | bool


@dataclass(frozen=True)
class Run:
    """What a tracker shows as one run: a cell, a network that is timed, or all of `bench run`.

    Attributes:
        id: of letters, digits and hyphens; the same again where the same cell is run again.
        label: for readers.
        parameters: by their names, as ``train.batch_size``.
    """

    id: str
    label: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a run has ended.

    Attributes:
        figures: the final ones, by their names, as ``test/iou``.
        failure: why there are none; None where there is nothing wrong.
        kind: of the failure, as `bench.study.record.FailureKind` has it.
    """

    figures: Mapping[str, float]
    failure: str | None = None
    kind: str | None = None


class Tracker(Protocol):
    """Keeps runs somewhere; whatever it raises ends its being told, and nothing else."""

    def begin(self, run: Run) -> None:
        """Begin a run, or go on with the one of this id, of this process or an earlier one."""

    def curve(self, run: Run, figures: Mapping[str, float], step: int) -> None:
        """Add a point to some curves of a run that has begun; a figure need not be finite."""

    def remark(self, run: Run, text: str) -> None:
        """Add a line to what is said of a run that has begun."""

    def end(self, run: Run, outcome: Outcome) -> None:
        """End a run that has begun."""

    def close(self) -> None:
        """Finish all writing; runs that have not ended were interrupted."""
