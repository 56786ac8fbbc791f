"""Mean squared relative error of depth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="SqRel",
    task="depth",
    reads=("sq_rel_error", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
)
def sq_rel(sums: pd.DataFrame) -> pd.Series[float]:
    """Mean squared relative error of depth, `mean((d - t)^2 / t)`.

    Eigen et al. 2014 (https://arxiv.org/abs/1406.2283). Over the pixels with a reading, both depths
    raised to at least 0.001, in units of the depth range. The figure is the mean over the images;
    one without a reading counts nowhere.
    """
    return sums["sq_rel_error"] / sums["depth_pixels"].replace(0, np.nan)
