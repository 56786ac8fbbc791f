"""Scale-invariant error that forgives half of a common factor."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="SILog (Eigen)",
    task="depth",
    reads=("log_error", "log_error_deviation", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
)
def silog_eigen(sums: pd.DataFrame) -> pd.Series[float]:
    """Scale-invariant error, `mean(e^2) - mean(e)^2 / 2` with `e = ln d - ln t`.

    What Eigen et al. 2014 (https://arxiv.org/abs/1406.2283) train with, their lambda at 1/2: half
    of the error that one factor on all depths causes is forgiven. Over the pixels with a reading,
    both depths raised to at least 0.001. The figure is the mean over the images; one without a
    reading counts nowhere.
    """
    pixels = sums["depth_pixels"].replace(0, np.nan)
    # mean(e^2) is the variance and mean(e)^2.
    return sums["log_error_deviation"] / pixels + (sums["log_error"] / pixels) ** 2 / 2
