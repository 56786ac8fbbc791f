"""Mean absolute relative error of depth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="AbsRel",
    task="depth",
    reads=("abs_rel_error", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
)
def abs_rel(sums: pd.DataFrame) -> pd.Series[float]:
    """Mean absolute relative error of depth, `mean(abs(d - t) / t)`.

    Eigen et al. 2014 (https://arxiv.org/abs/1406.2283). Over the pixels with a reading, both depths
    raised to at least 0.001. The figure is the mean over the images; one without a reading counts
    nowhere.
    """
    return sums["abs_rel_error"] / sums["depth_pixels"].replace(0, np.nan)
