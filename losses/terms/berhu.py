"""Reverse Huber loss."""

import torch
from torch import Tensor

from losses.loss import loss
from losses.masked_mean import masked_mean


@loss(takes="probabilities", bounds=(0, 2.6))
def berhu(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Reverse Huber, `mean(e if e <= c else (e^2 + c^2) / (2c))`, `e = |p - t|`, `c = max(e) / 5`.

    Laina et al. 2016 (https://arxiv.org/abs/1606.00373): small errors count as in L1, large ones
    as in L2. The threshold is each image's own and a constant of the step: if its gradient were
    taken, a larger worst error could lower the loss of all the others.

    Returns:
        (B,), in [0, 2.6]; an image of errors 1 and a threshold of 1/5 give the largest value.
    """
    error = (probabilities - target).abs()
    threshold = 0.2 * error.detach().amax((1, 2, 3), keepdim=True)
    # Without any error nothing is above the threshold, and the quotient only has to be finite.
    threshold = threshold.clamp_min(torch.finfo(error.dtype).tiny)
    squared = (error.square() + threshold.square()) / (2 * threshold)
    return masked_mean(error.where(error <= threshold, squared), valid)
