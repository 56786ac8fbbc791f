"""Share of the predicted object's pixels that are object."""

from __future__ import annotations

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="precision",
    task="mask",
    reads=("tp", "fp", "fn"),
    higher_is_better=True,
    decimals=3,
    minimum=0.0,
    maximum=1.0,
)
def precision(sums: pd.DataFrame) -> pd.Series[float]:
    """Share of the predicted object's pixels that are object, `TP / (TP + FP)`.

    The figure is the mean over the images. An image where no object is predicted counts 1 if there
    is none, else 0.
    """
    predicted = sums["tp"] + sums["fp"]
    found = (sums["tp"] / predicted).mask(predicted == 0, 0.0)
    return found.mask(predicted + sums["fn"] == 0, 1.0)
