"""The U-Net with a shared trunk and one branch per task."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from architectures.contract import TASKS
from architectures.double_convolution import DoubleConvolution
from architectures.early_fusion import EarlyFusion, image_channels
from architectures.registry import register
from architectures.width import scaled


@register
def unet(*, inputs: str = "pair", tasks: tuple[str, ...] = TASKS, width: float = 1.0) -> nn.Module:
    """U-Net whose tasks share the first three stages (Ronneberger et al. 2015).

    Paper: https://arxiv.org/abs/1505.04597. The split into a shared trunk and a branch for each of
    mask and depth, with bilinear up-sampling, is that of the course project of Deeksha-Pandit
    (GitHub), 33,389,314 parameters with both tasks, 17,269,121 with one. Weights start as PyTorch
    has them. For training in stages the parts are `trunk`, `branches.mask` and `branches.depth`.
    """
    return UNet(inputs=inputs, tasks=tasks, width=width)


class UNet(EarlyFusion):
    """Three shared stages (full size, 1/2, 1/4), then everything below and back up per task."""

    def __init__(self, *, inputs: str, tasks: tuple[str, ...], width: float) -> None:
        super().__init__(inputs=inputs)
        self.trunk = Trunk(image_channels(inputs), width)
        self.branches = nn.ModuleDict({task: Branch(width) for task in tasks})

    def predict(self, image: Tensor) -> dict[str, Tensor]:
        """Run every branch on the one trunk."""
        skips = self.trunk(image)
        return {task: branch(*skips) for task, branch in self.branches.items()}


class Trunk(nn.Module):
    """The shared stages: 64 channels at full size, 128 at 1/2, 256 at 1/4."""

    def __init__(self, in_channels: int, width: float) -> None:
        super().__init__()
        c64, c128, c256 = (scaled(c, width) for c in (64, 128, 256))
        self.full_size = DoubleConvolution(in_channels, c64)
        self.to_half = Down(c64, c128)
        self.to_quarter = Down(c128, c256)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the three skips."""
        full = self.full_size(image)
        half = self.to_half(full)
        return full, half, self.to_quarter(half)


class Branch(nn.Module):
    """One task: down to 1/8 and 1/16, and back up to an image of logits."""

    def __init__(self, width: float) -> None:
        super().__init__()
        c64, c128, c256, c512 = (scaled(c, width) for c in (64, 128, 256, 512))
        self.to_eighth = Down(c256, c512)
        self.to_sixteenth = Down(c512, c512)
        self.back_to_eighth = Up(c512, c512, c256)
        self.back_to_quarter = Up(c256, c256, c128)
        self.back_to_half = Up(c128, c128, c64)
        self.back_to_full = Up(c64, c64, c64)
        self.head = nn.Conv2d(c64, 1, 1)

    def forward(self, full: Tensor, half: Tensor, quarter: Tensor) -> Tensor:
        """Return logits of the size of `full`."""
        eighth = self.to_eighth(quarter)
        x = self.back_to_eighth(self.to_sixteenth(eighth), eighth)
        x = self.back_to_quarter(x, quarter)
        x = self.back_to_half(x, half)
        x = self.back_to_full(x, full)
        logits: Tensor = self.head(x)
        return logits


class Down(nn.Sequential):
    """Half the size by maximum pooling, then a double convolution."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(nn.MaxPool2d(2), DoubleConvolution(channels, out_channels))


class Up(nn.Module):
    """Twice the size, bilinearly with aligned corners, then a double convolution with the skip."""

    def __init__(self, channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        joined = channels + skip_channels
        self.convolutions = DoubleConvolution(joined, out_channels, mid_channels=joined // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return an image of the size of `skip`."""
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        missing_height, missing_width = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        if missing_height or missing_width:  # pooling dropped an odd size's last row or column
            x = F.pad(x, (0, missing_width, 0, missing_height))
        joined: Tensor = self.convolutions(torch.cat((skip, x), dim=1))
        return joined
