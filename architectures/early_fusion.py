"""The shared frame of networks that see background and composite as one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from architectures.contract import Prediction

if TYPE_CHECKING:
    from collections.abc import Sequence

Normalization = tuple["Sequence[float]", "Sequence[float]"]
"""Mean and standard deviation of the red, green and blue channel."""

IMAGENET: Normalization = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""What encoders trained on ImageNet expect."""


class EarlyFusion(nn.Module):
    """A network of one image: composite and background stacked, or the composite alone.

    A subclass builds its layers for `image_channels(inputs)` and says in `predict` what it makes
    of the image.

    Args:
        inputs: "pair" for the 6-channel image of composite and background, "composite" for the
            3-channel image that is the composite.
        normalization: Subtracted from and divided into the colors; None leaves them in [0, 1].
    """

    mean: Tensor
    std: Tensor

    def __init__(self, *, inputs: str, normalization: Normalization | None = None) -> None:
        super().__init__()
        self.inputs = inputs
        self.normalizes = normalization is not None
        if normalization is not None:
            for name, color in zip(("mean", "std"), normalization, strict=True):
                channels = [*color] * (image_channels(inputs) // 3)
                constant = torch.tensor(channels).view(1, -1, 1, 1)
                self.register_buffer(name, constant, persistent=False)

    def forward(self, background: Tensor, composite: Tensor) -> Prediction:
        """Predict from background and composite, (B, 3, H, W) in [0, 1]."""
        image = composite
        if self.inputs == "pair":
            image = torch.cat((composite, background), dim=1)
        if self.normalizes:
            image = (image - self.mean) / self.std
        logits = self.predict(image)
        return Prediction(mask_logits=logits.get("mask"), depth_logits=logits.get("depth"))

    def predict(self, image: Tensor) -> dict[str, Tensor]:
        """Return the logits (B, 1, H, W) of each task for an image (B, C, H, W)."""
        raise NotImplementedError


def image_channels(inputs: str) -> int:
    """Return the channels of the image a network sees: 6 for "pair", 3 for "composite"."""
    return 6 if inputs == "pair" else 3
