"""Root of the mean squared error of depth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="RMSE",
    task="depth",
    reads=("squared_error", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
    maximum=1.0,
)
def rmse(sums: pd.DataFrame) -> pd.Series[float]:
    """Root of the mean squared error of depth, `sqrt(mean((d - t)^2))`.

    Over the pixels with a reading, in units of the depth range. The figure is the mean over the
    images; one without a reading counts nowhere.
    """
    return (sums["squared_error"] / sums["depth_pixels"].replace(0, np.nan)) ** 0.5
