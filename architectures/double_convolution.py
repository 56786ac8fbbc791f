"""The double convolution that U-Nets are made of."""

from __future__ import annotations

from torch import nn


class DoubleConvolution(nn.Sequential):
    """Two 3x3 convolutions, each followed by batch normalisation and ReLU; the size is kept.

    After Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597, with zero padding and batch
    normalisation.

    Args:
        channels: Of the input.
        out_channels: Of the output.
        mid_channels: Between the two; `out_channels` if not given.
    """

    def __init__(self, channels: int, out_channels: int, mid_channels: int | None = None) -> None:
        mid_channels = mid_channels or out_channels
        super().__init__(
            nn.Conv2d(channels, mid_channels, 3, padding=1),
            nn.BatchNorm2d(mid_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )
