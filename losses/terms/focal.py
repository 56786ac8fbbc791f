"""Focal loss."""

from math import inf

import torch.nn.functional as F
from torch import Tensor

from losses.loss import Requirement, loss
from losses.masked_mean import masked_mean


@loss(
    takes="logits",
    bounds=(0, inf),
    requires={
        "alpha": Requirement(lambda alpha: 0 < alpha < 1, "a number between 0 and 1"),
        "gamma": Requirement(lambda gamma: gamma >= 1, "a number from 1"),
    },
)
def focal(
    logits: Tensor, target: Tensor, valid: Tensor | None, *, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """Focal loss, `mean((alpha t + (1 - alpha) (1 - t)) |p - t|^gamma BCE(p, t))`.

    Lin et al. 2017 (https://arxiv.org/abs/1708.02002) for targets of 0 and 1; grey targets as in
    Li et al. 2020 (https://arxiv.org/abs/2006.04388), where `1 - p_t` becomes `|p - t|`. kornia's
    and torchvision's focal losses keep `1 - p_t`, and are not 0 where p = t is grey.

    Args:
        logits: (B, C, H, W), any real numbers.
        target: (B, C, H, W), in [0, 1].
        valid: (B, C, H, W), in {0, 1}; None where every pixel counts.
        alpha: Weight of the foreground; the background has the rest of 1.
        gamma: How strongly pixels that are nearly right are played down; from 1, below which the
            gradient grows without bound at a perfect prediction.

    Returns:
        (B,), from 0.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    difficulty = (logits.sigmoid() - target).abs().pow(gamma)
    weight = alpha * target + (1 - alpha) * (1 - target)
    return masked_mean(weight * difficulty * cross_entropy, valid)
