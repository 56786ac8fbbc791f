"""Studies whose every image has a score of its own, for what reports make of them."""

import numpy as np
import study_maker

from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study.study import Study

IMAGES = 60
SEEDS = (0, 1, 2, 3)


def grid(architectures=("unet", "densenet"), losses=("bce", "l1"), seeds=SEEDS, **settings):
    return Grid(
        architectures=tuple(Architecture(name=name) for name in architectures),
        losses=tuple(
            loss if isinstance(loss, LossPair) else LossPair(mask=loss, depth=loss)
            for loss in losses
        ),
        seeds=seeds,
        **{"data": Data(archive=("a.zip",)), "train": Train(epochs=3)} | settings,
    )


def level(cell, by_architecture=0.1, by_loss=0.2):
    """A cell's IoU: 0.8 of the first, less by a step for the other architecture and loss."""
    is_second = cell.architecture.name != "unet", cell.loss.mask != "bce"
    return 0.8 - by_architecture * is_second[0] - by_loss * is_second[1]


def scores(cell, mean=None, seed_noise=0.01, image_noise=0.05, **columns):
    """The sums of a cell's test images: the images are the same ones for all cells."""
    images = np.random.default_rng(0).normal(0, image_noise, IMAGES)
    own = np.random.default_rng([cell.seed, *cell.id.encode()])
    mean = level(cell) if mean is None else mean
    iou = mean + images + own.normal(0, seed_noise) + own.normal(0, 0.02, IMAGES)
    return study_maker.sums(iou.clip(0, 1), (1 - iou.clip(0, 1)) / 2, **columns)


def constant(cell):
    """The sums of a cell that takes every pixel for the object, whatever it sees."""
    return scores(cell, tp=4096 / 5, fp=0.8 * 4096, fn=0.0, changed_pixels=0.0)


def keep(folder, question=None, tables=scores, **found):
    """Write a study of the grid's trained cells."""
    return study_maker.keep_scored(Study(folder), question or grid(), tables, **found)


def boards(study):
    return leaderboards(study.load())


def text(study):
    return markdown.render("study", boards(study), {})
