"""Share of the pixels whose depth is off by a factor below 1.25."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="δ1",
    task="depth",
    reads=("delta1_pixels", "depth_pixels"),
    higher_is_better=True,
    decimals=3,
    minimum=0.0,
    maximum=1.0,
)
def delta1(sums: pd.DataFrame) -> pd.Series[float]:
    """Share of the pixels with `max(d / t, t / d) < 1.25`.

    Eigen et al. 2014 (https://arxiv.org/abs/1406.2283). Of the pixels with a reading, both depths
    raised to at least 0.001. The figure is the mean over the images; one without a reading counts
    nowhere.
    """
    return sums["delta1_pixels"] / sums["depth_pixels"].replace(0, np.nan)
