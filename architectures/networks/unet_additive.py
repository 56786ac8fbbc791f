"""The U-Net whose skips are added and whose tasks share the end of the decoder."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from architectures.contract import TASKS
from architectures.early_fusion import EarlyFusion, image_channels
from architectures.registry import register
from architectures.width import scaled


@register
def unet_additive(
    *, inputs: str = "pair", tasks: tuple[str, ...] = TASKS, width: float = 1.0
) -> nn.Module:
    """U-Net with added skips and a decoder that mask and depth share but for its first block.

    The "DepthMask" network of the course project of sumankanukollu (GitHub), a relative of
    Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597. 11,275,457 parameters. The published
    12,384,577 (12,384,643 with its 3-channel depth head) also count 937,088 of decoder blocks
    that are never called and 172,032 of transposed convolutions whose result is thrown away:
    neither is built here. The published network works at 224 px only, because it enlarges by fixed
    factors; this one resizes to the sizes it needs, which at 224 px are the same. Weights start
    as PyTorch has them. For training in stages the parts are `encoder`, `first_ups.mask`,
    `first_ups.depth`, `shared_ups` and `heads`.
    """
    return AdditiveUNet(inputs=inputs, tasks=tasks, width=width)


class AdditiveUNet(EarlyFusion):
    """One encoder; per task a first decoder block and a head; the blocks between are shared."""

    def __init__(self, *, inputs: str, tasks: tuple[str, ...], width: float) -> None:
        super().__init__(inputs=inputs)
        c32, c64, c128, c256, c512 = (scaled(c, width) for c in (32, 64, 128, 256, 512))
        self.encoder = Encoder(image_channels(inputs), width)
        self.first_ups = nn.ModuleDict({task: Up(c512, c256) for task in tasks})
        self.shared_ups = nn.ModuleList((Up(c256, c128), Up(c128, c64), Up(c64, c64), Up(c64, c32)))
        # As published: a bias in the depth head, none in the mask head.
        self.heads = nn.ModuleDict(
            {task: nn.Conv2d(c32, 1, 1, bias=task == "depth") for task in tasks}
        )

    def predict(self, image: Tensor) -> dict[str, Tensor]:
        """Run the decoder once per task."""
        skips = self.encoder(image)
        return {task: self._decode(task, skips, image) for task in self.heads}

    def _decode(self, task: str, skips: Skips, image: Tensor) -> Tensor:
        to_128, to_64, keep_64, to_32 = self.shared_ups
        x = _resized(self.first_ups[task](skips.coarsest) + skips.sixty_fourth, like=skips.eighth)
        x = _resized(to_128(x) + skips.eighth, like=skips.quarter)
        x = to_64(x)
        if task == "mask":  # the published depth path leaves this skip out
            x = x + skips.quarter
        x = _resized(x, like=skips.half)
        x = _resized(keep_64(x) + skips.half, like=image)
        logits: Tensor = self.heads[task](to_32(x))
        return logits


class Skips(NamedTuple):
    """What the encoder hands to the decoder, by its share of the image's size."""

    half: Tensor
    quarter: Tensor
    eighth: Tensor
    sixty_fourth: Tensor
    coarsest: Tensor


class Encoder(nn.Module):
    """A 7x7 convolution and pooling, then three steps to a quarter of the size each."""

    def __init__(self, in_channels: int, width: float) -> None:
        super().__init__()
        c64, c128, c256, c512 = (scaled(c, width) for c in (64, 128, 256, 512))
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, c64, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(c64),
            nn.ReLU(inplace=True),
        )
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.to_sixteenth = Down(c64, c128)
        self.to_sixty_fourth = Down(c128, c256)
        self.to_coarsest = Down(c256, c512)

    def forward(self, image: Tensor) -> Skips:
        """Return the skips; the two that no layer computes at their size are resized to it."""
        half = self.stem(image)
        quarter = self.pool(half)
        sixteenth = self.to_sixteenth(quarter)
        sixty_fourth = self.to_sixty_fourth(sixteenth)
        coarsest = self.to_coarsest(sixty_fourth)
        eighth = F.interpolate(sixteenth, scale_factor=2, mode="bilinear", align_corners=False)
        return Skips(half, quarter, eighth, sixty_fourth, _resized(coarsest, like=sixty_fourth))


class Down(nn.Sequential):
    """To a quarter of the size: twice a 3x3 convolution of stride 2, a 1x1, BatchNorm and ReLU."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(
            *_convolutions(channels, out_channels, stride=2),
            *_convolutions(out_channels, out_channels, stride=2),
        )


class Up(nn.Sequential):
    """A transposed 3x3 convolution, then twice a 3x3, a 1x1, BatchNorm, ReLU; the size is kept."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(channels, out_channels, 3, padding=1, bias=False),
            *_convolutions(out_channels, out_channels, stride=1),
            *_convolutions(out_channels, out_channels, stride=1),
        )


def _convolutions(channels: int, out_channels: int, *, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, out_channels, 3, stride=stride, padding=1, bias=False),
        nn.Conv2d(out_channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]


def _resized(x: Tensor, *, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
