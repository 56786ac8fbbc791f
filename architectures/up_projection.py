"""The up-projection, a residual block that enlarges its input."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class UpProjection(nn.Module):
    """Bilinear resize, then a residual block whose both branches begin with a 5x5 convolution.

    With x the resized input, the output is ReLU(a + b) where
    a = BN(conv3x3(ReLU(BN(conv5x5(x))))) and b = BN(conv5x5(x)). The block of Laina et al. 2016
    (https://arxiv.org/abs/1606.00373) in the form of Hu et al. 2019
    (https://arxiv.org/abs/1803.08673), which resizes instead of unpooling. It has
    50 c o + 9 o^2 + 6 o parameters for c input and o output channels. The two 5x5 convolutions are
    computed as one of 2 o channels, which is the same sum and much faster where o is small.
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.both = nn.Sequential(
            nn.Conv2d(channels, 2 * out_channels, 5, padding=2, bias=False),
            nn.BatchNorm2d(2 * out_channels),
        )
        self.branch = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Return (B, `out_channels`, *size) for x of any height and width."""
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        branch, shortcut = self.both(x).chunk(2, dim=1)
        return F.relu(self.branch(branch) + shortcut)
