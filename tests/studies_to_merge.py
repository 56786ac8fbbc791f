"""Studies that share a grid, or its settings, as several machines would leave them."""

import shutil

import study_maker
from study_maker import CONTRACTS, ENVIRONMENT, NOW, PROVENANCE

from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study.measurement import Measurement
from bench.study.plan import timing_cases
from bench.study.study import Study

IOU = 0.5
GRID = Grid(
    architectures=(Architecture(name="unet"),),
    losses=(LossPair(mask="bce", depth="bce"),),
    seeds=(0, 1),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=2),
)
OTHER_SEEDS = GRID.model_copy(update={"seeds": (2, 3)})
CELL = list(GRID.cells())[-1]  # unet, seed 1


def records_of(grid, **found):
    """A complete record of every cell."""
    return [study_maker.record(cell, **{"summary": {"iou": IOU}} | found) for cell in grid.cells()]


def measurement(records, **found):
    """A timing of the first network of some records."""
    case, _ = timing_cases([r.cell for r in records], records)[0]
    content = {
        "case": case,
        "environment": ENVIRONMENT,
        "measured_utc": NOW,
        "timings": {"inference": study_maker.timing([0.1, 0.2, 0.3])},
    }
    return Measurement(**content | found)


def rewrite_grid(folder, grid=GRID, provenance=PROVENANCE, metrics=CONTRACTS, race=None):
    """Write the grid of a study anew, run with something else."""
    shutil.rmtree(folder / "grids")
    Study(folder).write_grid(grid, provenance, metrics, race=race)
