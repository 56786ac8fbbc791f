"""Mean squared error."""

from torch import Tensor

from losses.loss import loss
from losses.masked_mean import masked_mean


@loss(takes="probabilities", bounds=(0, 1))
def mse(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Mean squared error, `mean((p - t)^2)`.

    Returns:
        (B,), in [0, 1].
    """
    return masked_mean((probabilities - target).square(), valid)
