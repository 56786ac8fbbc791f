"""Scale-invariant logarithmic error, as the KITTI benchmark has it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="SILog",
    task="depth",
    reads=("log_error_deviation", "depth_pixels"),
    higher_is_better=False,
    decimals=2,
    minimum=0.0,
)
def silog(sums: pd.DataFrame) -> pd.Series[float]:
    """Scale-invariant logarithmic error, `100 sqrt(mean(e^2) - mean(e)^2)` with `e = ln d - ln t`.

    As the KITTI depth benchmark has it (Uhrig et al. 2017, https://arxiv.org/abs/1708.06500): a
    depth that is wrong by one factor everywhere has no error. Over the pixels with a reading, both
    depths raised to at least 0.001. The figure is the mean over the images; one without a reading
    counts nowhere.
    """
    return 100 * (sums["log_error_deviation"] / sums["depth_pixels"].replace(0, np.nan)) ** 0.5
