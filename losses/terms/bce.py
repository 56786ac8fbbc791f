"""Binary cross-entropy above its floor."""

from math import inf

import torch.nn.functional as F
from torch import Tensor

from losses.loss import loss
from losses.masked_mean import masked_mean
from losses.target_entropy import binary_entropy


@loss(takes="logits", bounds=(0, inf))
def bce(logits: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Binary cross-entropy less the entropy of the target, `mean(BCE(p, t) - H(t))`.

    Grey targets keep the plain cross-entropy from reaching 0; its floor is their entropy. Without
    it this is the Kullback-Leibler divergence of the prediction from the target: the same gradient,
    0 at a perfect prediction, and the plain cross-entropy where targets are 0 or 1.
    `losses.target_entropy.target_entropy` is what has to be added to get the plain one.

    Returns:
        (B,), from 0.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return masked_mean(cross_entropy - binary_entropy(target), valid)
