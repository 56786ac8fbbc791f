"""Mean probability."""

from torch import Tensor

from losses.loss import loss
from losses.masked_mean import masked_mean


@loss(takes="probabilities", bounds=(0, 1))
def sparsity(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:  # noqa: ARG001 - a loss has one signature
    """Mean probability, `mean(p)`: how much of the image is kept, whatever the target.

    The term that keeps a mask small in Hu et al. 2019, "Visualization of Convolutional Neural
    Networks for Monocular Depth Estimation" (https://arxiv.org/abs/1904.03380). It is 0 for an
    empty prediction, and so makes sense only beside another loss.

    Returns:
        (B,), in [0, 1].
    """
    return masked_mean(probabilities, valid)
