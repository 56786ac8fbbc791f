"""The part of the binary cross-entropy that no prediction can remove."""

import torch
from torch import Tensor

from losses.masked_mean import masked_mean


def binary_entropy(target: Tensor) -> Tensor:
    """Return `-t*ln(t) - (1-t)*ln(1-t)` of each pixel: 0 for a hard target, ln 2 for 1/2.

    Args:
        target: In [0, 1], any shape.

    Returns:
        The same shape, in [0, ln 2].
    """
    entropy: Tensor = torch.special.entr(target) + torch.special.entr(1 - target)
    return entropy


def target_entropy(target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the mean entropy of each image's target: the plain cross-entropy less the loss `bce`.

    Args:
        target: (B, C, H, W), in [0, 1].
        valid: As for every loss, see `losses.loss.Loss`.

    Returns:
        (B,), in [0, ln 2].
    """
    target = target.to(torch.promote_types(target.dtype, torch.float32))
    if valid is not None:
        valid = valid.expand_as(target).to(target.dtype)
        # An invalid pixel may hold anything; a hard target is what has no entropy.
        target = target.where(valid.bool(), 0.0)
    return masked_mean(binary_entropy(target), valid)
