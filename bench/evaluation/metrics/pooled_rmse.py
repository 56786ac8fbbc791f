"""Root of the mean squared error of depth over the readings of all images together."""

from __future__ import annotations

import math

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="pooled RMSE",
    task="depth",
    reads=("squared_error", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
    maximum=1.0,
    pooled=True,
)
def pooled_rmse(sums: pd.DataFrame) -> float:
    """Root of the mean squared error of depth over the readings of all images together.

    `sqrt(mean((d - t)^2))` as Eigen et al. 2014 (https://arxiv.org/abs/1406.2283) have it, in units
    of the depth range. An image counts by its number of readings, one without any nowhere.
    """
    pixels = int(sums["depth_pixels"].sum())
    total = float(sums["squared_error"].astype(float).sum())
    return math.sqrt(total / pixels) if pixels else math.nan
