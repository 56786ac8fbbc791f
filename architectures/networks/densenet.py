"""DenseDepth."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from architectures.contract import TASKS
from architectures.early_fusion import IMAGENET, EarlyFusion, image_channels
from architectures.encoders import weights
from architectures.encoders.densenet import DenseNet, Features, densenet169
from architectures.registry import register


@register
def densenet(
    *,
    inputs: str = "pair",
    tasks: tuple[str, ...] = TASKS,
    width: float = 1.0,
    encoder_weights: str | None = None,
) -> nn.Module:
    """DenseDepth: DenseNet-169 under a bilinear decoder with skips (Alhashim & Wonka 2018).

    Paper: https://arxiv.org/abs/1812.11941; the network is that of the authors' PyTorch code,
    https://github.com/ialhashim/DenseDepth, decoder width 1. 42,657,689 parameters for
    `inputs="composite", tasks=("depth",)`; the published 44,322,689 also count an ImageNet
    classifier of 1,665,000 that is never used and not built here. More tasks share the encoder
    and have a decoder each. Predicts at half size and is resized bilinearly. Colors are
    normalised by ImageNet's mean and deviation. Without `encoder_weights` ("imagenet" or a file)
    the encoder starts as timm's, everything else as PyTorch has it. For training in stages the
    parts are `encoder`, `decoders.mask` and `decoders.depth`.
    """
    encoder = densenet169(image_channels(inputs), width)
    weights.load(
        encoder,
        encoder_weights,
        timm_name="densenet169.tv_in1k",
        classifier="classifier",
    )
    return DenseDepth(encoder, inputs=inputs, tasks=tasks)


class DenseDepth(EarlyFusion):
    """One encoder for all tasks, a decoder for each."""

    def __init__(self, encoder: DenseNet, *, inputs: str, tasks: tuple[str, ...]) -> None:
        super().__init__(inputs=inputs, normalization=IMAGENET, align_corners=True)
        self.encoder = encoder
        at_eighth, at_sixteenth, _ = encoder.transition_channels
        skip_channels = (at_sixteenth, at_eighth, encoder.stem_channels, encoder.stem_channels)
        self.decoders = nn.ModuleDict(
            {task: Decoder(encoder.last_channels, skip_channels) for task in tasks}
        )

    def predict(self, image: Tensor) -> dict[str, Tensor]:
        """Run every decoder on the one encoder's features."""
        features = self.encoder(image)
        return {task: decoder(features) for task, decoder in self.decoders.items()}


class Decoder(nn.Module):
    """From 1/32 of the size to 1/2, with half the channels after each of four steps.

    Args:
        channels: Of the encoder's last output.
        skip_channels: Of the skips at 1/16, 1/8, 1/4 and 1/2.
    """

    def __init__(self, channels: int, skip_channels: tuple[int, ...]) -> None:
        super().__init__()
        self.bottleneck = nn.Conv2d(channels, channels, 1)
        self.ups = nn.ModuleList(
            BilinearUp(channels // 2**step, skip, channels // 2 ** (step + 1))
            for step, skip in enumerate(skip_channels)
        )
        self.head = nn.Conv2d(channels // 2 ** len(skip_channels), 1, 3, padding=1)

    def forward(self, features: Features) -> Tensor:
        """Return logits at half of the image's size."""
        at_eighth, at_sixteenth, _ = features.transitions
        skips = (at_sixteenth, at_eighth, features.pooled, features.stem)
        x = self.bottleneck(features.last)
        for up, skip in zip(self.ups, skips, strict=True):
            x = up(x, skip)
        logits: Tensor = self.head(x)
        return logits


class BilinearUp(nn.Module):
    """Resize to the skip, join it, two 3x3 convolutions and one leaky ReLU.

    The paper has an activation after each convolution; the published PyTorch network, and so this
    one, has it after the second only.
    """

    def __init__(self, channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels + skip_channels, out_channels, 3, padding=1),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.LeakyReLU(0.2),
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return an image of the size of `skip`."""
        x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=True)
        joined: Tensor = self.convolutions(torch.cat((x, skip), dim=1))
        return joined
