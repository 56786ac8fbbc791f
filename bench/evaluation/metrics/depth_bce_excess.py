"""Binary cross-entropy of depth above its least."""

from __future__ import annotations

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="depth BCE less entropy",
    task="depth",
    reads=("depth_bce", "depth_entropy", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
)
def depth_bce_excess(sums: pd.DataFrame) -> pd.Series[float]:
    """Binary cross-entropy of depth above its least, `depth_bce - depth_entropy`.

    The Kullback-Leibler divergence of the predicted depth from the true one, 0 if they are equal,
    but for rounding. Over the pixels with a reading. The figure is the mean over the images; one
    without a reading counts nowhere.
    """
    return (sums["depth_bce"] - sums["depth_entropy"]).where(sums["depth_pixels"] > 0)
