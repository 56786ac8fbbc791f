"""Logarithm of the absolute error of the Sobel gradients."""

from math import log

from torch import Tensor

from losses.gradients import sobel, valid_neighbourhoods
from losses.loss import loss
from losses.masked_mean import masked_mean


@loss(takes="probabilities", bounds=(2 * log(0.5), 2 * log(8.5)))
def log_gradient(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Logarithm of the gradients' error, `mean(ln(|gx(p)-gx(t)| + 0.5) + ln(|gy(p)-gy(t)| + 0.5))`.

    Hu et al. 2019 (https://arxiv.org/abs/1803.08673), gx and gy by Sobel. A gradient counts where
    all the pixels it is made of are valid. The value at a perfect prediction is 2 ln 0.5.

    Returns:
        (B,), in [2 ln 0.5, 2 ln 8.5].
    """
    # The gradient is linear: the gradients' error is the error's gradient.
    error_x, error_y = sobel(probabilities - target)
    logarithm = (error_x.abs() + 0.5).log() + (error_y.abs() + 0.5).log()
    return masked_mean(logarithm, valid_neighbourhoods(valid))
