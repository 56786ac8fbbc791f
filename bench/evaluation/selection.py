"""By which figures is the epoch chosen?"""

from __future__ import annotations

from bench.evaluation.metrics.iou import iou
from bench.evaluation.metrics.rmse import rmse
from bench.study.record import Summary

METRICS = (iou, rmse)
WORST = 0.0  # score


def score(val: Summary) -> float:
    """Return what an epoch is chosen by: the mean of IoU and 1 - RMSE, as far as there are both.

    Both lie in [0, 1] and neither is any objective, so no loss is favoured.

    Args:
        val: the figures on the validation images of the trained tasks.
    """
    parts = [val[iou.name]] if iou.name in val else []
    parts += [1 - val[rmse.name]] if rmse.name in val else []
    return sum(parts) / len(parts)
