"""A study whose leaderboard can be checked by hand: every image of a cell has the same scores."""

import study_maker
from scipy import stats

from bench.report.leaderboard import leaderboards
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study.measurement import Flops, Measurement
from bench.study.plan import timing_cases
from bench.study.study import Study

GRID = Grid(
    architectures=(Architecture(name="unet"), Architecture(name="densenet")),
    losses=(LossPair(mask="bce", depth="bce"), LossPair(mask="l1", depth="l1")),
    seeds=(0, 1, 2),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=3),
)
# (IoU, RMSE) of the middle one of three seeds; the others have 0.01 less and more of both.
MIDDLE = {
    ("unet", "bce"): (0.9, 0.3),
    ("unet", "l1"): (0.6, 0.1),
    ("densenet", "bce"): (0.59, 0.2),
    ("densenet", "l1"): (0.3, 0.4),
}
STEP = 0.01
HALF_WIDTH = stats.t.ppf(0.975, 2) * STEP / 3**0.5  # of a mean over three seeds: 0.0248
BASELINES = {
    "empty mask": {"iou": 0.0},
    "full mask": {"iou": 0.4},
    "difference": {"iou": 0.35},
    "mean depth": {"rmse": 0.35},
    "pixel mean depth": {"rmse": 0.34},
}
MEMORY_MIB = {"unet": 500, "densenet": 120}
PARAMETERS = {"unet": 2_090_000, "densenet": 586}
FORWARD = {"unet": 550_000_000, "densenet": 1_400_000}  # floating-point operations
PASS_S = {"unet": 0.01, "densenet": 0.04}  # seconds of a batch of 16 images, always


def keep(folder, grid=GRID, *, left_out=(), timed=True):
    """Write the study of a grid, but for some (architecture, loss, seed)."""
    records = []
    for cell in grid.cells():
        name = cell.architecture.name
        if cell.loss is None:
            records.append(study_maker.record(cell, summary=BASELINES[name]))
        elif (name, cell.loss.mask or cell.loss.depth, cell.seed) not in left_out:
            iou, rmse = MIDDLE[name, cell.loss.mask or cell.loss.depth]
            step = STEP * (cell.seed - 1)
            scores = {"mask": {"iou": iou + step}, "depth": {"rmse": rmse + step}}
            summary = {k: v for task in cell.tasks for k, v in scores[task].items()}
            memory = MEMORY_MIB[name]
            records.append(study_maker.record(cell, summary=summary, peak_memory_mib=memory))
    study = study_maker.keep(Study(folder), grid, records)
    for case, _ in timing_cases(grid.cells(), records) if timed else []:
        study.write_measurement(_measured(case))
    return study


def _measured(case):
    name = case.architecture.name
    return Measurement(
        case=case,
        environment=study_maker.ENVIRONMENT,
        measured_utc=study_maker.NOW,
        timings={"inference": study_maker.timing(*[[PASS_S[name]] * 6] * 3)},
        parameters=PARAMETERS[name],
        flops=Flops(forward=FORWARD[name], training=None, counter="c", uncounted=()),
    )


def board(study):
    (found,) = leaderboards(study.load())
    return found
