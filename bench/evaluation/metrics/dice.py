"""Dice coefficient of the object."""

from __future__ import annotations

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="Dice",
    task="mask",
    reads=("tp", "fp", "fn"),
    higher_is_better=True,
    decimals=3,
    minimum=0.0,
    maximum=1.0,
)
def dice(sums: pd.DataFrame) -> pd.Series[float]:
    """Dice coefficient of the object, `2 TP / (2 TP + FP + FN)`; the same as the F1 score.

    Dice 1945, "Measures of the Amount of Ecologic Association Between Species". The figure is the
    mean over the images; an image without any object in target and prediction counts 1, one with
    an object in one of them 0.
    """
    sizes = 2 * sums["tp"] + sums["fp"] + sums["fn"]
    return (2 * sums["tp"] / sizes).mask(sizes == 0, 1.0)
