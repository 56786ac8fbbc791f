"""Images with an object that nobody can miss, and what a network loses on them."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from architectures import Prediction
from bench.randomness import generator


class Scenes(NamedTuple):
    """B scenes of one size (H, W), float32 on the CPU.

    Attributes:
        background: (B, 3, H, W) in [0, 0.5], smooth.
        composite: (B, 3, H, W) in [0, 1]: the background behind an ellipse of one bright color.
        mask: (B, 1, H, W) in {0, 1}, 1 on the ellipse.
        depth: (B, 1, H, W) in [0, 1]: a floor, the ellipse in front of it.
    """

    background: Tensor
    composite: Tensor
    mask: Tensor
    depth: Tensor


def render(count: int, height: int, width: int) -> Scenes:
    """The same scenes at every call, of ``height`` x ``width`` px."""
    numbers = generator(0, "scenes to check with")

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=numbers)

    background = F.interpolate(uniform(0, 0.5, 3, 4, 4), size=(height, width), mode="bilinear")
    y = torch.linspace(0, 1, height).view(1, 1, -1, 1)
    x = torch.linspace(0, 1, width).view(1, 1, 1, -1)
    centre_y, centre_x = uniform(0.25, 0.75, 2, 1, 1, 1).unbind(1)
    radius_y, radius_x = uniform(0.2, 0.3, 2, 1, 1, 1).unbind(1)
    inside = ((y - centre_y) / radius_y).square() + ((x - centre_x) / radius_x).square() < 1
    return Scenes(
        background=background,
        composite=torch.where(inside, uniform(0.7, 1, 3, 1, 1), background),
        mask=inside.float(),
        depth=torch.where(inside, 0.2, 0.9 - 0.4 * y),
    )


def losses(prediction: Prediction, scenes: Scenes) -> dict[str, Tensor]:
    """One number a head: cross-entropy of the mask, mean squared error of depth."""
    found = {}
    if prediction.mask_logits is not None:
        logits = prediction.mask_logits.float()
        found["mask"] = F.binary_cross_entropy_with_logits(logits, scenes.mask)
    if prediction.depth_logits is not None:
        found["depth"] = F.mse_loss(prediction.depth_logits.float().sigmoid(), scenes.depth)
    return found


def losses_without_looking(prediction: Prediction, scenes: Scenes) -> dict[str, float]:
    """What each head would lose if it did not look at the images: the less of two.

    It might give every pixel the same value. Or it might know what is likely where: its predictions
    are then as good for one scene as for another, and lose what they lose when each is compared
    with all scenes. As the losses are convex, that is never less than the least that one prediction
    for all scenes can lose.
    """
    constants = (
        target.mean().expand_as(target).logit(eps=1e-6) for target in (scenes.mask, scenes.depth)
    )
    constant = losses(Prediction(*constants), scenes)
    count = len(scenes.mask)
    with_each = Prediction(
        *(
            None if logits is None else logits.detach().repeat(count, 1, 1, 1)
            for logits in (prediction.mask_logits, prediction.depth_logits)
        )
    )
    mask, depth = (part.repeat_interleave(count, 0) for part in (scenes.mask, scenes.depth))
    compared = losses(with_each, scenes._replace(mask=mask, depth=depth))
    return {head: min(loss.item(), constant[head].item()) for head, loss in compared.items()}
