"""Are the pictures that a study keeps those that its scores were taken of?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.errors import DamagedError
from bench.study import places
from bench.study.kept_images import MIDDLE, TOP, KeptImages, read_predictions, read_samples
from bench.study.record import Record
from bench.study.results import Results, StoredGrid

FILE = places.table_file(places.PREDICTIONS)
Differs = npt.NDArray[np.bool_]
ROUNDED = 0.501 / TOP  # of a pixel's depth: half a level, and what the sum of the scores rounds


def problems_of_predictions(
    results: Results, record: Record, scores: pd.DataFrame
) -> Iterator[str]:
    """Give a line for what of a cell's predictions does not fit its scores.

    Of an image whose every pixel counts, the size of the predicted mask is the same in both, and
    the mean of the predicted depth nearly so.

    Args:
        results: the study.
        record: of the cell.
        scores: of its test images.
    """
    try:
        kept = read_predictions(results, record)
    except DamagedError as error:
        folder = results.folder / places.of_cell(record.cell)
        yield str(error).removeprefix(f"{folder}: ")
        return
    if kept is None:
        return
    of_key = scores.set_index("key")
    unknown = [key for key in kept.keys if key not in of_key.index]
    if unknown:
        yield f"{FILE}: {unknown[0]} is no test image"
        return
    own = of_key.loc[list(kept.keys)]
    pixels = math.prod(record.cell.data.image_size)
    differs = np.zeros(len(own), bool)
    if "mask" in kept.images and {"mask_pixels", "tp", "fp"} <= set(own):
        sizes = (kept.images["mask"] > MIDDLE).sum((1, 2))
        differs |= ((own["mask_pixels"] == pixels) & (sizes != own["tp"] + own["fp"])).to_numpy()
    if "depth" in kept.images and {"depth_pixels", "predicted_depth"} <= set(own):
        off = (kept.images["depth"].sum((1, 2)) / TOP - own["predicted_depth"]).abs()
        differs |= ((own["depth_pixels"] == pixels) & (off > ROUNDED * pixels)).to_numpy()
    for key in own.index[differs]:
        yield f"{FILE}: what is predicted of {key} is not what was scored"


def problems_of_samples(results: Results, stored: StoredGrid) -> Iterator[str]:
    """Give a line for what of the test images that a grid keeps is not what its cells have to find.

    Of each, the size of the mask has to be what a cell was scored against, and the mean of the
    depth nearly so.

    Args:
        results: the study.
        stored: the grid.
    """
    folder = results.folder / places.GRIDS / stored.id
    try:
        kept = read_samples(results, stored)
    except DamagedError as error:
        yield str(error).removeprefix(f"{folder}: ")
        return
    if kept is None:
        return
    file = places.table_file(places.SAMPLES)
    for task, (columns, differs) in _OF_TASK.items():
        scores = _scores(results, stored, columns) if task in kept.images else None
        if scores is None:
            continue
        own = scores.reindex(list(kept.keys))
        unknown = own.index.difference(scores.index)
        for key in unknown:
            yield f"{file}: {key} is no test image"
        for key in own.index[differs(kept, own)].difference(unknown):
            yield f"{file}: the {task} of {key} is not what was scored against"


def _scores(results: Results, stored: StoredGrid, columns: set[str]) -> pd.DataFrame | None:
    """The scores, by key, of a cell of the grid that has these columns; None if there is none."""
    images = stored.provenance.data, stored.provenance.split
    for cell in results.cells(stored.grid):
        record = results.record_of(cell)
        if record is None or record.summary is None:
            continue
        if (record.provenance.data, record.provenance.split) == images:
            with suppress(DamagedError):  # which is said already
                scores = results.scores(cell.id)
                if columns <= set(scores):
                    return scores.set_index("key")
    return None


def _masks_differ(kept: KeptImages, scores: pd.DataFrame) -> Differs:
    mask = kept.images["mask"]
    known = kept.images.get("mask_valid", np.full_like(mask, TOP)) == TOP
    sizes = ((mask > 0) & known).sum((1, 2))
    target = (scores["tp"] + scores["fn"]).fillna(0)  # nothing is known of the image
    pixels = scores["mask_pixels"].fillna(0)
    differs: Differs = ((known.sum((1, 2)) != pixels) | (sizes != target)).to_numpy(bool)
    return differs


def _depths_differ(kept: KeptImages, scores: pd.DataFrame) -> Differs:
    depth = kept.images["depth"]
    known = kept.images.get("depth_valid", np.full_like(depth, TOP)) == TOP
    off = ((depth * known).sum((1, 2)) / TOP - scores["target_depth"]).abs()
    pixels = known.sum((1, 2))
    wrong = (pixels != scores["depth_pixels"]) | (off > ROUNDED * pixels)
    differs: Differs = wrong.to_numpy(bool)
    return differs


_OF_TASK = {
    "mask": ({"mask_pixels", "tp", "fn"}, _masks_differ),
    "depth": ({"depth_pixels", "target_depth"}, _depths_differ),
}
