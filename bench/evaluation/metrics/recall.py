"""Share of the object's pixels that are predicted."""

from __future__ import annotations

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="recall",
    task="mask",
    reads=("tp", "fp", "fn"),
    higher_is_better=True,
    decimals=3,
    minimum=0.0,
    maximum=1.0,
)
def recall(sums: pd.DataFrame) -> pd.Series[float]:
    """Share of the object's pixels that are predicted, `TP / (TP + FN)`.

    The figure is the mean over the images. An image without an object counts 1 if none is
    predicted, else 0.
    """
    there = sums["tp"] + sums["fn"]
    found = (sums["tp"] / there).mask(there == 0, 0.0)
    return found.mask(there + sums["fp"] == 0, 1.0)
