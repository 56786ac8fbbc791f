"""Logarithm of the absolute error."""

from math import log

from torch import Tensor

from losses.loss import loss
from losses.masked_mean import masked_mean


@loss(takes="probabilities", bounds=(log(0.5), log(1.5)))
def log_l1(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Logarithm of the absolute error, `mean(ln(|p - t| + 0.5))`.

    Hu et al. 2019 (https://arxiv.org/abs/1803.08673). The value at a perfect prediction is ln 0.5.

    Returns:
        (B,), in [ln 0.5, ln 1.5].
    """
    return masked_mean(((probabilities - target).abs() + 0.5).log(), valid)
