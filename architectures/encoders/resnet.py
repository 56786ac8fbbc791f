"""The ResNet-50 encoder."""

from __future__ import annotations

import torch.nn.functional as F
from timm.models.resnet import Bottleneck, downsample_conv
from torch import Tensor, nn

from architectures.width import scaled

BLOCKS = (3, 4, 6, 3)
CHANNELS = (64, 128, 256, 512)


class ResNet50(nn.Module):
    """ResNet-50 without its classifier (He et al. 2016, https://arxiv.org/abs/1512.03385).

    Its parameters have the names that timm and torchvision give them. Convolutions start with
    normally distributed weights of variance 2 / (kernel area * output channels).

    Args:
        in_channels: Of the image.
        width: Scales all channels; see `architectures.width.scaled`.

    Attributes:
        channels: Of the four outputs: 256, 512, 1024 and 2048 at width 1.
    """

    def __init__(self, in_channels: int, width: float = 1.0) -> None:
        super().__init__()
        stem, *planes = (scaled(c, width) for c in (CHANNELS[0], *CHANNELS))
        self.channels = [Bottleneck.expansion * p for p in planes]
        self.conv1 = nn.Conv2d(in_channels, stem, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.layer1 = _stage(stem, planes[0], BLOCKS[0], stride=1)
        self.layer2 = _stage(self.channels[0], planes[1], BLOCKS[1], stride=2)
        self.layer3 = _stage(self.channels[1], planes[2], BLOCKS[2], stride=2)
        self.layer4 = _stage(self.channels[2], planes[3], BLOCKS[3], stride=2)
        initialize(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the outputs of the four stages, at 1/4, 1/8, 1/16 and 1/32 of the size."""
        x = F.relu(self.bn1(self.conv1(image)))
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        features = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            features.append(x)
        return features


def initialize(encoder: nn.Module) -> None:
    """Start an encoder's convolutions as ResNets do: N(0, 2 / (kernel area * output channels))."""
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _stage(channels: int, planes: int, blocks: int, *, stride: int) -> nn.Sequential:
    out_channels = Bottleneck.expansion * planes
    shortcut = downsample_conv(channels, out_channels, kernel_size=1, stride=stride)
    first = Bottleneck(channels, planes, stride, shortcut)
    return nn.Sequential(first, *(Bottleneck(out_channels, planes) for _ in range(blocks - 1)))
