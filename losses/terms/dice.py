"""Soft Dice loss."""

from torch import Tensor

from losses.loss import loss
from losses.masked_mean import PIXELS, counted


@loss(takes="probabilities", bounds=(0, 1))
def dice(probabilities: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Soft Dice with squares, `1 - (2 sum(p t) + 1) / (sum(p^2) + sum(t^2) + 1)`.

    The form of Milletari et al. 2016 (https://arxiv.org/abs/1606.04797), the sums over the valid
    pixels of one image. With squares the loss is 0 wherever p = t, for grey targets too; the
    DiceLoss of segmentation-models-pytorch and of kornia have no squares, and one value for a
    whole batch. The 1 added on both sides, one pixel, lets an empty target pull predictions to 0.

    Returns:
        (B,), in [0, 1].
    """
    # Numerator and denominator brought together: exactly 0 at a perfect prediction.
    error = counted((probabilities - target).square(), valid).sum(PIXELS)
    size = counted(probabilities.square() + target.square(), valid).sum(PIXELS)
    return error / (size + 1)
