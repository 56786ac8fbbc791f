"""Absolute error of the differences between neighbouring pixels."""

from torch import Tensor

from losses.gradients import neighbour_differences, valid_neighbours
from losses.loss import loss
from losses.masked_mean import masked_mean


@loss(takes="probabilities", bounds=(0, 4))
def gradient_l1(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Absolute error of neighbouring pixels' differences, `mean|dx(p)-dx(t)| + mean|dy(p)-dy(t)|`.

    The edge term of Alhashim and Wonka 2018 (https://arxiv.org/abs/1812.11941), with forward
    differences. A difference counts where both of its pixels are valid. It does not see a constant
    offset of the whole image.

    Returns:
        (B,), in [0, 4].
    """
    error_x, error_y = neighbour_differences(probabilities - target)
    valid_x, valid_y = valid_neighbours(valid)
    return masked_mean(error_x.abs(), valid_x) + masked_mean(error_y.abs(), valid_y)
