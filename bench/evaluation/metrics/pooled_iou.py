"""Intersection over union of the object over the pixels of all images together."""

from __future__ import annotations

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="pooled IoU",
    task="mask",
    reads=("tp", "fp", "fn"),
    higher_is_better=True,
    decimals=3,
    minimum=0.0,
    maximum=1.0,
    pooled=True,
)
def pooled_iou(sums: pd.DataFrame) -> float:
    """Intersection over union of the object over the pixels of all images together.

    `TP / (TP + FP + FN)` of the summed pixels, so that an image counts by the size of its object
    (as in the PASCAL VOC challenge, Everingham et al. 2010). 1 where no image has an object in
    target or prediction.
    """
    tp, fp, fn = (float(sums[column].sum()) for column in ("tp", "fp", "fn"))
    return tp / (tp + fp + fn) if tp + fp + fn else 1.0
