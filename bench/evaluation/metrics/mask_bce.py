"""Binary cross-entropy of the mask."""

from __future__ import annotations

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="mask BCE",
    task="mask",
    reads=("mask_bce",),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
)
def mask_bce(sums: pd.DataFrame) -> pd.Series[float]:
    """Binary cross-entropy of the mask, `mean(-t ln p - (1 - t) ln(1 - p))`.

    The mean over the images of the mean over their pixels.
    """
    return sums["mask_bce"]
