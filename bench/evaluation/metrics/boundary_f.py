"""Boundary F-score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="boundary F",
    task="mask",
    reads=(
        "predicted_boundary",
        "target_boundary",
        "predicted_boundary_hits",
        "target_boundary_hits",
    ),
    higher_is_better=True,
    decimals=3,
    minimum=0.0,
    maximum=1.0,
)
def boundary_f(sums: pd.DataFrame) -> pd.Series[float]:
    """Boundary F-score, `2 P R / (P + R)`.

    P is the share of the predicted object's boundary within a tolerance of the target's, R the
    share of the target's within it of the predicted one (Csurka et al. 2013, "What is a good
    evaluation measure for semantic segmentation?"). The tolerance is that of Perazzi et al. 2016,
    0.8 % of the image's diagonal and at least 1 px. The figure is the mean over the images; an
    image without any object in target and prediction counts 1, one with an object in one of them 0.
    """
    precision = sums["predicted_boundary_hits"] / sums["predicted_boundary"].replace(0, np.nan)
    recall = sums["target_boundary_hits"] / sums["target_boundary"].replace(0, np.nan)
    score = 2 * precision * recall / (precision + recall).replace(0, np.nan)
    length = sums["predicted_boundary"] + sums["target_boundary"]
    return score.fillna(0.0).mask(length == 0, 1.0).where(length.notna())
