"""The shared frame of networks that see background and composite as one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
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
    of the image. Logits of another size than the image's are resized to it bilinearly.

    Args:
        inputs: "pair" for the 6-channel image of composite and background, "composite" for the
            3-channel image that is the composite.
        normalization: Mean, subtracted from the colors, and standard deviation, which divides
            them; None leaves them in [0, 1].
        align_corners: How the logits are resized, as `torch.nn.functional.interpolate` has it.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        inputs: str,
        normalization: Normalization | None = None,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.align_corners = align_corners
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
        native = {task: x for task, x in logits.items() if x.shape[2:] != image.shape[2:]}
        resized = {task: self._resize(x, image) for task, x in native.items()}
        full = logits | resized
        return Prediction(
            full.get("mask"), full.get("depth"), native.get("mask"), native.get("depth")
        )

    def predict(self, image: Tensor) -> dict[str, Tensor]:
        """Return the logits (B, 1, h, w) of each task for an image (B, C, H, W)."""
        raise NotImplementedError

    def _resize(self, logits: Tensor, image: Tensor) -> Tensor:
        size = image.shape[2:]
        return F.interpolate(logits, size, mode="bilinear", align_corners=self.align_corners)


def image_channels(inputs: str) -> int:
    """Return the channels of the image a network sees: 6 for "pair", 3 for "composite"."""
    return 6 if inputs == "pair" else 3
