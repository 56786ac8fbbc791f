"""What is told while a run is at work: plain data, which processes send to each other.

Whoever wants to know gives one function that receives every event: the terminal, a log, a tracker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.settings.cell import Cell
from bench.study.measurement import Measurement
from bench.study.record import Epoch, Record


@dataclass(frozen=True)
class Remark:
    """Something is worth saying.

    Attributes:
        text: one line.
        about: the label of the cell or network that it is about; empty for the run as a whole.
    """

    text: str
    about: str = ""


@dataclass(frozen=True)
class Decoded:
    """So many of the images are in the cache."""

    done: int
    total: int


@dataclass(frozen=True)
class CellStarted:
    """A cell starts, the ``number``-th of ``total`` in the grid; ``left`` are to run, with it."""

    cell: Cell
    number: int
    total: int
    left: int


@dataclass(frozen=True)
class StepDone:
    """A running cell has come so far.

    Attributes:
        cell_id: of the cell.
        step, total: updates of the weights, over all stages; a teacher's count by themselves.
        loss: that is minimised, on the last batch.
        images_per_s: since the start of the epoch.
        teacher: whether it is the teacher that learns.
    """

    cell_id: str
    step: int
    total: int
    loss: float
    images_per_s: float
    teacher: bool = False


@dataclass(frozen=True)
class EpochDone:
    """A running cell has ended an epoch and validated it, the ``number``-th of ``total``."""

    cell_id: str
    epoch: Epoch
    number: int
    total: int
    teacher: bool = False


@dataclass(frozen=True)
class CellFinished:
    """A cell is finished, complete or failed, and kept."""

    record: Record


@dataclass(frozen=True)
class TimingProgress:
    """Of the visits to the networks that are timed, so many are over; ``label``'s turn is next."""

    label: str
    done: int
    total: int


@dataclass(frozen=True)
class TimingDone:
    """A network is timed, and the measurement kept."""

    measurement: Measurement


Event = (
    Remark
    | Decoded
    | CellStarted
    | StepDone
    | EpochDone
    | CellFinished
    | TimingProgress
    | TimingDone
)
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Listen to nothing."""


class Listeners:
    """Several listeners as one; one that raises is dropped, and the others are told."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = list(listeners)

    def __call__(self, event: Event) -> None:
        """Tell everybody."""
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - no listener may stop a training
                self._listeners.remove(listener)
                name = getattr(listener, "__qualname__", type(listener).__name__)
                self(Remark(f"{name} is not told any more: {type(error).__name__}: {error}"))
