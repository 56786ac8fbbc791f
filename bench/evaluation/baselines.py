"""What needs no network: the rows that every trained row has to beat.

Each is fitted to the training or validation images alone and scored on the test images with the
same metrics as a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from bench.data import batches
from bench.data.batch_loader import BatchLoader
from bench.data.dataset import Dataset, Images
from bench.data.split import Rows, SplitRows
from bench.errors import TrainingError
from bench.evaluation.score import tabulate
from bench.evaluation.sums import depth_sums, mask_sums

CHUNK = 256  # images held decoded at a time
UNKNOWN = 2  # neither on the object nor off it
Fitted = tuple[pd.DataFrame, str]


def _empty_mask(dataset: Dataset, split: SplitRows) -> Fitted:
    """No pixel is object."""
    nothing = np.zeros((1, *dataset.size), np.bool_)
    return _score_masks(dataset, split.test, lambda _: nothing), "no pixel is object"


def _full_mask(dataset: Dataset, split: SplitRows) -> Fitted:
    """Every pixel is object."""
    everything = np.ones((1, *dataset.size), np.bool_)
    return _score_masks(dataset, split.test, lambda _: everything), "every pixel is object"


def _difference(dataset: Dataset, split: SplitRows) -> Fitted:
    """Object where |composite - background| is above the best threshold on validation."""
    threshold = _best_threshold(dataset, split.val)
    scores = _score_masks(
        dataset, split.test, lambda rows: _difference_of(dataset, rows) > threshold
    )
    return scores, f"|composite - background| > {threshold} of 255"


def _mean_depth(dataset: Dataset, split: SplitRows) -> Fitted:
    """Every pixel has the mean depth of the training images."""
    total, count = _depth_totals(dataset, split.train)
    mean = total.sum() / max(1, count.sum())
    prediction = torch.full((1, 1, *total.shape), float(mean))
    return _score_depth(dataset, split.test, prediction), f"depth {mean:.3f} everywhere"


def _pixel_mean_depth(dataset: Dataset, split: SplitRows) -> Fitted:
    """Every pixel has its own mean depth over the training images."""
    total, count = _depth_totals(dataset, split.train)
    overall = total.sum() / max(1, count.sum())
    mean = np.divide(total, count, out=np.full_like(total, overall), where=count > 0)
    prediction = torch.from_numpy(mean).float()[None, None]
    return _score_depth(
        dataset, split.test, prediction
    ), "each pixel's mean over the training images"


_BASELINES: dict[str, Callable[[Dataset, SplitRows], Fitted]] = {
    "empty mask": _empty_mask,
    "full mask": _full_mask,
    "difference": _difference,
    "mean depth": _mean_depth,
    "pixel mean depth": _pixel_mean_depth,
}


def score(name: str, dataset: Dataset, split: SplitRows) -> Fitted:
    """Fit the baseline ``name`` and score it on the test images.

    Returns:
        The per-image scores, as `score.score` gives them but for those that need logits, and what
        was fitted, in words.
    """
    return _BASELINES[name](dataset, split)


def _there(images: Images | None, what: str) -> Images:
    if images is None:
        raise TrainingError(f"the archives have no {what}")
    return images


def _in_chunks(rows: Rows) -> Iterator[Rows]:
    return batches.in_order(rows, CHUNK)


def _difference_of(dataset: Dataset, rows: Rows) -> npt.NDArray[np.uint8]:
    """(B, H, W) the greatest difference of the three channels between the two images."""
    backgrounds = _there(dataset.backgrounds, "backgrounds")
    background = backgrounds[dataset.background_rows[rows]].astype(np.int16)
    difference: npt.NDArray[np.int16] = np.abs(dataset.composites[rows] - background).max(axis=-1)
    return difference.astype(np.uint8)


def _best_threshold(dataset: Dataset, rows: Rows) -> int:
    """The threshold, of all 256, with the highest mean IoU over ``rows``."""
    total = np.zeros(256)
    for chunk in _in_chunks(rows):
        masks = _there(dataset.masks, "masks")[chunk]
        if dataset.mask_valid is not None:
            masks = np.where(dataset.mask_valid[chunk], masks, UNKNOWN)
        for difference, mask in zip(_difference_of(dataset, chunk), masks, strict=True):
            # Counts of pixels above each threshold, on and off the object, from two histograms.
            hits, false_alarms = (
                np.count_nonzero(region) - np.cumsum(np.bincount(difference[region], minlength=256))
                for region in (mask == 1, mask == 0)
            )
            union = np.count_nonzero(mask == 1) + false_alarms
            total += np.divide(hits, union, out=np.ones(256), where=union > 0)
    return int(total.argmax())


def _depth_totals(
    dataset: Dataset, rows: Rows
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(H, W) the sum of the readings of each pixel in [0, 1], and their number."""
    total, count = np.zeros(dataset.size), np.zeros(dataset.size)
    loader = BatchLoader(dataset, torch.device("cpu"))
    for batch in loader.iterate(_in_chunks(rows)):
        total += (batch.depth * batch.readings).double().sum(dim=(0, 1)).numpy()
        count += batch.readings.double().sum(dim=(0, 1)).numpy()
    return total, count


def _score_masks(
    dataset: Dataset, rows: Rows, predict: Callable[[Rows], npt.NDArray[np.bool_]]
) -> pd.DataFrame:
    def score_chunk(chunk: Rows) -> pd.DataFrame:
        predicted = torch.from_numpy(predict(chunk)).unsqueeze(1)
        target = torch.from_numpy(_there(dataset.masks, "masks")[chunk] > 0).unsqueeze(1)
        known = None
        if dataset.mask_valid is not None:
            known = torch.from_numpy(dataset.mask_valid[chunk]).unsqueeze(1)
        return tabulate(dataset, chunk, mask_sums(predicted, target, known))

    return pd.concat(map(score_chunk, _in_chunks(rows)), ignore_index=True)


def _score_depth(dataset: Dataset, rows: Rows, prediction: torch.Tensor) -> pd.DataFrame:
    loader = BatchLoader(dataset, torch.device("cpu"))

    def score_chunk(chunk: Rows) -> pd.DataFrame:
        batch = loader.load(chunk)
        return tabulate(dataset, chunk, depth_sums(prediction, batch.depth, batch.readings))

    return pd.concat(map(score_chunk, _in_chunks(rows)), ignore_index=True)
