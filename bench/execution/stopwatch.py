"""When a training does what: told by the batches that it asks for, and by its events."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bench.data.batch_loader import BatchLoader
from bench.data.batches import Batch
from bench.data.split import Rows
from bench.events import EpochDone, Event
from bench.machine.device import synchronize


@dataclass
class Pass:
    """Some batches, one after the other.

    Attributes:
        began: by `time.perf_counter`, when the first one was asked for.
        laps: how long each took, from when it was asked for until the next one could have been.
        images: in all of them.
    """

    began: float
    laps: list[float] = field(default_factory=list)
    images: int = 0

    @property
    def ended(self) -> float:
        """When the last one was done with."""
        return self.began + sum(self.laps)

    def of_others(self, images: int) -> float:
        """Return how long so many images would take that are not in it."""
        return sum(self.laps) / max(1, self.images) * images


@dataclass(frozen=True)
class TimedEpoch:
    """An epoch of a stage, the teacher's or the network's own.

    Attributes:
        train, val: over the images that train, and over those that select the epoch.
        ended: when the next one could begin.
    """

    teacher: bool
    stage: int
    train: Pass
    val: Pass
    ended: float


class Stopwatch:
    """Times a training whose loaders are timed ones and that tells its events to `listen`.

    Attributes:
        epochs: that are over.
        passes: since the last of them.
    """

    def __init__(self) -> None:
        self.epochs: list[TimedEpoch] = []
        self.passes: list[Pass] = []

    def listen(self, event: Event) -> None:
        """Note the end of an epoch: it trains first and is validated last."""
        if isinstance(event, EpochDone):
            train, val = self.passes[0], self.passes[-1]
            stage = event.epoch.stage
            ended = time.perf_counter()
            self.epochs.append(TimedEpoch(event.teacher, stage, train, val, ended))
            self.passes = []


class TimedLoader(BatchLoader):
    """A loader whose batches are timed; the host waits for the device after each of them."""

    def __init__(self, loader: BatchLoader, stopwatch: Stopwatch) -> None:
        super().__init__(loader.dataset, loader.device)
        self._stopwatch = stopwatch

    def iterate(self, batches_of_rows: Iterable[Rows]) -> Iterator[Batch]:
        """One batch after the other."""
        now = time.perf_counter()
        timed = Pass(now)
        self._stopwatch.passes.append(timed)
        for batch in super().iterate(batches_of_rows):
            try:
                yield batch
            finally:  # the last one may be followed by none
                synchronize(self.device)
                before, now = now, time.perf_counter()
                timed.laps.append(now - before)
                timed.images += len(batch.mask)
