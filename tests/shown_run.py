"""Events of a run, and what its display shows of them."""

import io
from datetime import UTC, datetime, timedelta

import study_maker
from rich.console import Console

from bench.events import CellFinished, CellStarted, EpochDone, TimingDone
from bench.settings.cell import Cell
from bench.study.measurement import Measurement
from bench.study.record import Epoch
from bench.study.timing_case import TimingCase

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATA = {"archive": "a.zip"}
TRAIN = {"epochs": 2}


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self, time=START):
        self.time = time

    def __call__(self):
        return self.time

    def move(self, seconds):
        self.time += timedelta(seconds=seconds)


def written(progress):
    return progress._console.file.getvalue()


def lines(progress):
    """The lines of a log without the time of day."""
    return [line[10:] for line in written(progress).splitlines()[1:]]


def frame(progress):
    """The lines that a live display shows below what is printed."""
    console = Console(file=io.StringIO(), width=80)
    console.print(progress._live.get_renderable())
    return console.file.getvalue().splitlines()


def trained(name="unet", seed=0):
    return Cell(architecture=name, loss="bce", seed=seed, data=DATA, train=TRAIN)


def baseline(name="empty mask"):
    return Cell(architecture=name, loss=None, seed=0, data=DATA, train=TRAIN)


def started(cell, number=1, total=4, left=4):
    return CellStarted(cell, number, total, left)


def finished(cell, seconds=0.0, **found):
    ended = study_maker.NOW + timedelta(seconds=seconds)
    content = {"summary": {"iou": 0.5, "rmse": 0.25}, "finished_utc": ended} | found
    return CellFinished(study_maker.record(cell, **content))


def failed(cell, failure):
    return finished(cell, summary=None, failure=failure)


def epoch(cell, number, **found):
    content = {"step": 5, "losses": {"mask": 0.5, "depth": 0.25}, "val": {}, "train_s": 1.0}
    return EpochDone(cell.id, Epoch(**content | found), number, 2)


def timed(name, failure):
    case = TimingCase(
        architecture={"name": name},
        trainings=({"loss": "bce"},),
        recipe=trained().train.recipes()[0],
        image_size=(32, 32),
    )
    return TimingDone(
        Measurement(
            case=case,
            environment=study_maker.ENVIRONMENT,
            measured_utc=study_maker.NOW,
            failure=failure,
        )
    )
