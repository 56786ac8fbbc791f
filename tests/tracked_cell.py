"""A trained cell as the events of its run tell of it, for what keeps them."""

import study_maker

from bench.events import CellFinished, CellStarted, EpochDone, Remark, StepDone, TimingDone
from bench.settings.cell import Cell
from bench.study.record import Epoch
from bench.study.timing_case import TimingCase

CELL = Cell(
    architecture={"name": "unet", "width": 0.25},
    loss="ssim + 0.1*l1",  # its label has characters that files and servers take amiss
    seed=3,
    data={"archive": "ä b.zip", "image_size": [32, 64]},
    train={"epochs": 2, "batch_size": 4},
)
START = CellStarted(CELL, 1, 1, 1)
FAILED = CellFinished(study_maker.record(CELL, failure="nan in the loss", failure_kind="diverged"))


def step(number, loss, total=20):
    return StepDone(CELL.id, number, total, loss, images_per_s=50.0)


def epoch(number, val):
    found = Epoch(step=10 * number, losses={"mask": 0.5}, val={"iou": val}, train_s=1.0)
    return EpochDone(CELL.id, found, number, 2)


def finished(iou):
    return CellFinished(study_maker.record(CELL, summary={"iou": iou, "rmse": 0.25}))


def timing():
    case = TimingCase(
        architecture={"name": "unet"},
        trainings=({"loss": "bce"},),
        recipe=CELL.train.recipes()[0],
        image_size=(32, 32),
    )
    return TimingDone(study_maker.measurement(case))  # a batch of 4 in 0.2 s


WHOLE = [  # from its start to its end
    START,
    step(10, 2.0),
    epoch(1, 0.25),
    Remark("a remark", CELL.label),
    step(20, 1.0),
    epoch(2, 0.5),
    finished(0.75),
]
