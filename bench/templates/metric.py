"""A metric of one's own; `bench check FILE:NAME` examines it, a grid names it `FILE:NAME`.

It is a view of sums that are kept of every test image, so that it can be computed for cells that
are trained already: `bench rescore STUDY --metrics FILE:NAME`. It needs no torch.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.evaluation.metric import metric


@metric(
    label="miss rate",  # its heading in tables
    task="mask",  # or "depth"
    reads=("tp", "fn"),  # columns of the sums; bench/evaluation/sums.py lists them all
    higher_is_better=False,
    decimals=3,
    minimum=0.0,  # of its figures; leave out what has no limit
    maximum=1.0,
)
def my_part(sums: pd.DataFrame) -> pd.Series[float]:
    """Return the share of the object's pixels that were missed, `FN / (TP + FN)`.

    The figure is the mean over the images; an image without an object counts nowhere.

    Args:
        sums: one row a test image, with the columns that the metric `reads`.

    Returns:
        One value an image; NaN for one that counts nowhere.
    """
    pixels = sums["tp"] + sums["fn"]
    return sums["fn"] / pixels.replace(0, np.nan)
