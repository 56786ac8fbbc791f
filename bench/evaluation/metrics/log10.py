"""Mean absolute difference of the depths' logarithms."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="log10",
    task="depth",
    reads=("log10_error", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
)
def log10(sums: pd.DataFrame) -> pd.Series[float]:
    """Mean absolute difference of the depths' logarithms, `mean(abs(log10 d - log10 t))`.

    Saxena et al. 2009, "Make3D: Learning 3D Scene Structure from a Single Still Image". Over the
    pixels with a reading, both depths raised to at least 0.001. The figure is the mean over the
    images; one without a reading counts nowhere.
    """
    return sums["log10_error"] / sums["depth_pixels"].replace(0, np.nan)
