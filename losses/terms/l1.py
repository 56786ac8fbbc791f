"""Mean absolute error."""

from torch import Tensor

from losses.loss import loss
from losses.masked_mean import masked_mean


@loss(takes="probabilities", bounds=(0, 1))
def l1(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Mean absolute error, `mean|p - t|`.

    Returns:
        (B,), in [0, 1].
    """
    return masked_mean((probabilities - target).abs(), valid)
