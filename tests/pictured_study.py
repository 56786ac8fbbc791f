"""Studies whose pictures tell what they are: every map has one level, by its row and image."""

import numpy as np
import scored_study
import study_maker

from bench.evaluation.metric import summarise
from bench.execution.cell import with_values
from bench.settings import Data
from bench.study import places
from bench.study.kept_images import as_table
from bench.study.study import Study

KEYS = tuple(f"k{number}" for number in (7, 3, 11, 20, 5, 2))  # in the order of their draw
SIZE = (32, 40)
DATA = Data(archive=("a.zip",), image_size=SIZE)


def flat(level):
    return np.full(SIZE, level, np.uint8)


def level(cell, place):
    """That of the mask that a cell predicts of an image; the depth's is one more."""
    is_second = cell.architecture.name != "unet", cell.loss.mask != "bce"
    return 16 * (1 + 2 * is_second[0] + is_second[1]) + 2 * place


def predictions(cell, keys=KEYS):
    places_of = [KEYS.index(key) for key in keys]
    return as_table(
        keys,
        {
            "mask": [flat(level(cell, place)) for place in places_of],
            "depth": [flat(level(cell, place) + 1) for place in places_of],
        },
    )


def samples(keys=KEYS):
    """Composites of a color each, masks whose left half is the object, and depth of one level."""
    mask = flat(0)
    mask[:, : SIZE[1] // 2] = 255
    places_of = [KEYS.index(key) for key in keys]
    return as_table(
        keys,
        {
            "composite": [
                np.dstack([flat(40 * place), flat(90), flat(140)]) for place in places_of
            ],
            "background": [np.dstack([flat(0), flat(90), flat(140)]) for _ in keys],
            "mask": [mask for _ in keys],
            "depth": [flat(200 + place) for place in places_of],
        },
    )


def keep(folder, question, of_cell=predictions, of_grid=samples, tables=scored_study.scores):
    """Write a study of the grid's trained cells, with what is predicted of some images."""
    study = Study(folder)
    known = question, study_maker.PROVENANCE, study_maker.CONTRACTS
    study.write_grid(*known, samples=of_grid and of_grid())
    for cell in (cell for cell in question.cells() if cell.loss is not None):
        scores = tables(cell)
        kept = with_values({places.SCORES: scores}, study_maker.METRICS)
        found = of_cell(cell)
        if found is not None:
            kept[places.PREDICTIONS] = found
        summary = summarise(scores, study_maker.METRICS)
        study.write_cell(study_maker.record(cell, summary=summary), kept)
    return study
