"""The DRN-D-22 encoder."""

from __future__ import annotations

from timm.models.resnet import BasicBlock
from torch import Tensor, nn

from architectures.encoders.resnet import initialize
from architectures.width import scaled


class DRND22(nn.Module):
    """Dilated residual network DRN-D-22 (Yu et al. 2017, https://arxiv.org/abs/1705.09914).

    Its last five stages keep 1/8 of the size and widen their view by dilation, the last three
    without shortcuts. It has 15,880,752 parameters for a 3-channel image, 16,393,752 with the
    classifier of 1000 classes that is left out here. Initialised as ResNets are.

    Args:
        in_channels: Of the image.
        width: Scales all channels; see `architectures.width.scaled`.

    Attributes:
        channels: Of the output: 512 at width 1.
    """

    def __init__(self, in_channels: int, width: float = 1.0) -> None:
        super().__init__()
        c16, c32, c64, c128, c256, c512 = (scaled(c, width) for c in (16, 32, 64, 128, 256, 512))
        self.channels = c512
        self.layer0 = _convolution(in_channels, c16, kernel=7)
        self.layer1 = _convolution(c16, c16)
        self.layer2 = _convolution(c16, c32, stride=2)
        self.layer3 = _residual(c32, c64, stride=2)
        self.layer4 = _residual(c64, c128, stride=2)
        self.layer5 = _residual(c128, c256, dilation=2)
        self.layer6 = _residual(c256, c512, dilation=4)
        self.layer7 = _convolution(c512, c512, dilation=2)
        self.layer8 = _convolution(c512, c512)
        initialize(self)

    def forward(self, image: Tensor) -> tuple[Tensor, list[tuple[int, int]]]:
        """Return the features at 1/8 of the size, and the sizes (height, width) on the way there.

        The sizes are those at 1/4, 1/2 and the full size, in the order in which a decoder meets
        them.
        """
        full = self.layer1(self.layer0(image))
        half = self.layer2(full)
        quarter = self.layer3(half)
        x = quarter
        for layer in (self.layer4, self.layer5, self.layer6, self.layer7, self.layer8):
            x = layer(x)
        return x, [size.shape[2:] for size in (quarter, half, full)]


def _convolution(
    channels: int, out_channels: int, *, kernel: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(
            channels, out_channels, kernel, stride, padding=padding, dilation=dilation, bias=False
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def _residual(
    channels: int, out_channels: int, *, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    shortcut = nn.Sequential(
        nn.Conv2d(channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )
    return nn.Sequential(
        BasicBlock(channels, out_channels, stride, shortcut, dilation=dilation),
        BasicBlock(out_channels, out_channels, dilation=dilation),
    )
