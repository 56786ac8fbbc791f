"""Mean absolute error of depth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="MAE",
    task="depth",
    reads=("abs_error", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
    maximum=1.0,
)
def mae(sums: pd.DataFrame) -> pd.Series[float]:
    """Mean absolute error of depth, `mean(abs(d - t))`.

    Over the pixels with a reading, in units of the depth range. The figure is the mean over the
    images; one without a reading counts nowhere.
    """
    return sums["abs_error"] / sums["depth_pixels"].replace(0, np.nan)
