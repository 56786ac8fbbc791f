"""What a prediction is worth, image by image.

What is kept of an image are sums over its pixels (sufficient statistics); every figure on a
leaderboard is a view of them. The definitions:

- IoU: TP / (TP + FP + FN) of the mask at probability 0.5; 1 where mask and prediction are both
  empty. The figure is the mean over the images.
- RMSE: the root of the mean squared error of depth in [0, 1] (0 near) over the pixels with a
  reading. The figure is the mean over the images that have any.
- mask_bce, depth_bce: the mean binary cross-entropy of a task's pixels, and depth_entropy: how low
  that of depth can get, as its targets are grey; the difference is 0 for a perfect prediction.
- abs_rel: the mean of |d - t| / t, and delta1: the share of pixels with max(d / t, t / d) < 1.25
  (Eigen et al. 2014, https://arxiv.org/abs/1406.2283); d and t are raised to at least
  `DEPTH_FLOOR`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

DEPTH_FLOOR = 1e-3
DELTA1_RATIO = 1.25


class MaskCounts(NamedTuple):
    """Pixels of each of B images, (B,) each."""

    tp: Tensor
    fp: Tensor
    fn: Tensor


class DepthSums(NamedTuple):
    """Sums over the pixels with a reading of each of B images, (B,) each."""

    depth_pixels: Tensor
    squared_error: Tensor
    abs_rel_error: Tensor
    delta1_pixels: Tensor


def mask_counts(predicted: Tensor, target: Tensor) -> MaskCounts:
    """Compare two masks (B, 1, H, W) of booleans."""
    pixels = (1, 2, 3)
    return MaskCounts(
        tp=(predicted & target).sum(pixels),
        fp=(predicted & ~target).sum(pixels),
        fn=(~predicted & target).sum(pixels),
    )


def depth_sums(predicted: Tensor, target: Tensor, valid: Tensor) -> DepthSums:
    """Compare two depth maps (B, 1, H, W) in [0, 1] where ``valid`` (B, 1, H, W) is 1."""
    pixels = (1, 2, 3)
    valid = valid.bool()
    floored, floored_target = predicted.clamp(min=DEPTH_FLOOR), target.clamp(min=DEPTH_FLOOR)
    ratio = torch.maximum(floored / floored_target, floored_target / floored)
    relative = (floored - floored_target).abs() / floored_target
    return DepthSums(
        depth_pixels=valid.sum(pixels),
        squared_error=torch.where(valid, (predicted - target).square(), 0).sum(pixels),
        abs_rel_error=torch.where(valid, relative, 0).sum(pixels),
        delta1_pixels=((ratio < DELTA1_RATIO) & valid).sum(pixels),
    )


def iou(scores: pd.DataFrame) -> pd.Series[float]:
    """The IoU of each image, in [0, 1], from the columns of `MaskCounts`."""
    union = scores["tp"] + scores["fp"] + scores["fn"]
    return (scores["tp"] / union).where(union > 0, 1.0)


def rmse(scores: pd.DataFrame) -> pd.Series[float]:
    """The RMSE of each image from the columns of `DepthSums`; NaN where it has no reading."""
    return (scores["squared_error"] / scores["depth_pixels"].replace(0, np.nan)) ** 0.5


class Summary(BaseModel):
    """The means over a set of images; None for a task that was not predicted."""

    model_config = ConfigDict(frozen=True)

    images: int
    iou: float | None = None
    rmse: float | None = None
    abs_rel: float | None = None
    delta1: float | None = None
    mask_bce: float | None = None
    depth_bce: float | None = None
    depth_entropy: float | None = None
    consistency_rmse: float | None = None  # of a teacher's depth with and without the mask

    @property
    def selection_score(self) -> float:
        """What the epoch is chosen by: the mean of IoU and 1 - RMSE, as far as predicted.

        Both lie in [0, 1] and neither is any objective, so no loss is favoured.
        """
        parts = [self.iou, None if self.rmse is None else 1 - self.rmse]
        known = [part for part in parts if part is not None]
        return sum(known) / len(known)


def summarise(scores: pd.DataFrame) -> Summary:
    """The mean figures of a table of per-image scores."""
    figures: dict[str, float] = {}
    if "tp" in scores:
        figures["iou"] = iou(scores).mean()
    if "depth_pixels" in scores:
        pixels = scores["depth_pixels"].replace(0, np.nan)
        figures["rmse"] = rmse(scores).mean()
        figures["abs_rel"] = (scores["abs_rel_error"] / pixels).mean()
        figures["delta1"] = (scores["delta1_pixels"] / pixels).mean()
    for name in ("mask_bce", "depth_bce", "depth_entropy"):
        if name in scores:
            figures[name] = scores[name].mean()
    return Summary(images=len(scores), **figures)
