"""The shared frame of networks that see background and composite as one picture."""

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
    """A network of one picture: composite and background stacked, or the composite alone.

    A subclass builds its layers for `picture_channels(inputs)` and says in `predict` what it makes
    of the picture.

    Args:
        inputs: "pair" for the 6-channel picture of composite and background, "composite" for the
            3-channel picture that is the composite.
        normalization: Subtracted from and divided into the colours; None leaves them in [0, 1].
    """

    mean: Tensor
    std: Tensor

    def __init__(self, *, inputs: str, normalization: Normalization | None = None) -> None:
        super().__init__()
        self.inputs = inputs
        self.normalizes = normalization is not None
        if normalization is not None:
            for name, colour in zip(("mean", "std"), normalization, strict=True):
                channels = [*colour] * (picture_channels(inputs) // 3)
                constant = torch.tensor(channels).view(1, -1, 1, 1)
                self.register_buffer(name, constant, persistent=False)

    def forward(self, background: Tensor, composite: Tensor) -> Prediction:
        """Predict from background and composite, (B, 3, H, W) in [0, 1]."""
        picture = composite
        if self.inputs == "pair":
            picture = torch.cat((composite, background), dim=1)
        if self.normalizes:
            picture = (picture - self.mean) / self.std
        logits = self.predict(picture)
        return Prediction(mask_logits=logits.get("mask"), depth_logits=logits.get("depth"))

    def predict(self, picture: Tensor) -> dict[str, Tensor]:
        """Return the logits (B, 1, H, W) of each task for a picture (B, C, H, W)."""
        raise NotImplementedError


def picture_channels(inputs: str) -> int:
    """Return the channels of the picture a network sees: 6 for "pair", 3 for "composite"."""
    return 6 if inputs == "pair" else 3
