"""Binary cross-entropy of depth."""

from __future__ import annotations

import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="depth BCE",
    task="depth",
    reads=("depth_bce", "depth_pixels"),
    higher_is_better=False,
    decimals=4,
    minimum=0.0,
)
def depth_bce(sums: pd.DataFrame) -> pd.Series[float]:
    """Binary cross-entropy of depth, `mean(-t ln d - (1 - t) ln(1 - d))`.

    Depth in [0, 1] is taken for a probability; `depth_entropy` is the least that there can be. Over
    the pixels with a reading. The figure is the mean over the images; one without a reading counts
    nowhere.
    """
    return sums["depth_bce"].where(sums["depth_pixels"] > 0)
