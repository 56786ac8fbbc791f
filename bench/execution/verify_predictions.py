"""Are the predictions that a cell keeps those that its scores were taken of?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from bench.errors import DamagedError
from bench.study import places
from bench.study.kept_images import MIDDLE, TOP, read_predictions
from bench.study.record import Record
from bench.study.results import Results

FILE = places.table_file(places.PREDICTIONS)
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
