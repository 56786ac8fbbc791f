"""The network of Hu et al. 2019: up-projection decoder, multi-scale fusion and refinement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from architectures.early_fusion import IMAGENET, EarlyFusion
from architectures.up_projection import UpProjection
from architectures.width import scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

FUSED_CHANNELS = 16


class UpProjectionNetwork(EarlyFusion):
    """One encoder for all tasks; decoder, fusion and refinement for each.

    After Hu et al. 2019, "Revisiting Single Image Depth Estimation"
    (https://arxiv.org/abs/1803.08673). Like the published network it predicts at half size.

    Args:
        encoder: Called with an image, returns features at 1/4, 1/8, 1/16 and 1/32 of its size.
        channels: Of these features.
        inputs: "pair" or "composite".
        tasks: Those to predict.
        width: Scales the channels that do not follow from the encoder's.
    """

    def __init__(
        self,
        encoder: nn.Module,
        channels: Sequence[int],
        *,
        inputs: str,
        tasks: tuple[str, ...],
        width: float,
    ) -> None:
        super().__init__(inputs=inputs, normalization=IMAGENET)
        self.encoder = encoder
        self.decoders = nn.ModuleDict({task: TaskDecoder(channels, width) for task in tasks})

    def predict(self, image: Tensor) -> dict[str, Tensor]:
        """Run every decoder on the one encoder's features."""
        features = self.encoder(image)
        return {task: decoder(features) for task, decoder in self.decoders.items()}


class TaskDecoder(nn.Module):
    """From features to logits at twice the size of the finest features."""

    def __init__(self, channels: Sequence[int], width: float) -> None:
        super().__init__()
        self.up = UpProjectionDecoder(channels)
        self.fusion = MultiScaleFusion(channels, scaled(FUSED_CHANNELS, width))
        self.refinement = Refinement(self.up.out_channels + self.fusion.out_channels)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return logits for features at 1/4, 1/8, 1/16 and 1/32 of the image's size."""
        decoded = self.up(features)
        fused = self.fusion(features, decoded.shape[2:])
        logits: Tensor = self.refinement(torch.cat((decoded, fused), dim=1))
        return logits


class UpProjectionDecoder(nn.Module):
    """Up-projections from the coarsest features alone; the others only give the sizes to reach."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        coarsest = channels[-1]
        self.reduction = nn.Sequential(
            nn.Conv2d(coarsest, coarsest // 2, 1, bias=False),
            nn.BatchNorm2d(coarsest // 2),
            nn.ReLU(inplace=True),
        )
        self.ups = nn.ModuleList(
            UpProjection(coarsest // divisor, coarsest // (2 * divisor))
            for divisor in (2, 4, 8, 16)
        )
        self.out_channels = coarsest // 32

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return an image of twice the size of the finest features."""
        height, width = features[0].shape[2:]
        sizes = [x.shape[2:] for x in features[-2::-1]]
        x: Tensor = self.reduction(features[-1])
        for up, size in zip(self.ups, [*sizes, (2 * height, 2 * width)], strict=True):
            x = up(x, size)
        return x


class MultiScaleFusion(nn.Module):
    """Every scale brought to one size by an up-projection of its own, stacked and convolved."""

    def __init__(self, channels: Sequence[int], channels_per_scale: int) -> None:
        super().__init__()
        self.ups = nn.ModuleList(UpProjection(c, channels_per_scale) for c in channels)
        self.out_channels = channels_per_scale * len(channels)
        self.convolution = FiveByFive(self.out_channels)

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Return (B, `out_channels`, *size)."""
        scales = [up(x, size) for up, x in zip(self.ups, features, strict=True)]
        fused: Tensor = self.convolution(torch.cat(scales, dim=1))
        return fused


class Refinement(nn.Sequential):
    """Two 5x5 convolutions that keep the channels and one that predicts the logits."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            FiveByFive(channels), FiveByFive(channels), nn.Conv2d(channels, 1, 5, padding=2)
        )


class FiveByFive(nn.Sequential):
    """A 5x5 convolution that keeps the channels, batch normalisation and ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, 5, padding=2, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
