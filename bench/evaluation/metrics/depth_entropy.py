"""Entropy of the true depth."""

from __future__ import annotations

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="depth entropy",
    task="depth",
    reads=("depth_entropy", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
)
def depth_entropy(sums: pd.DataFrame) -> pd.Series[float]:
    """Entropy of the true depth, `mean(-t ln t - (1 - t) ln(1 - t))`.

    The least that `depth_bce` can be, and the same for every network. Over the pixels with a
    reading. The figure is the mean over the images; one without a reading counts nowhere.
    """
    return sums["depth_entropy"].where(sums["depth_pixels"] > 0)
