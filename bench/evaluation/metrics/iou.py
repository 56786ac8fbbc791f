"""Intersection over union."""

from __future__ import annotations

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="IoU",
    task="mask",
    reads=("tp", "fp", "fn"),
    higher_is_better=True,
    decimals=3,
    minimum=0.0,
    maximum=1.0,
)
def iou(sums: pd.DataFrame) -> pd.Series[float]:
    """Intersection over union of the object, `TP / (TP + FP + FN)`.

    Also called the Jaccard index. The figure is the mean over the images; an image without any
    object in target and prediction counts 1, one with an object in one of them 0.
    """
    union = sums["tp"] + sums["fp"] + sums["fn"]
    return (sums["tp"] / union).mask(union == 0, 1.0)
