"""The DenseNet encoders."""

from __future__ import annotations

from typing import Any, NamedTuple

import timm.models.densenet
from torch import Tensor, nn

from architectures.width import scaled


class Features(NamedTuple):
    """What a decoder may take from a DenseNet.

    Attributes:
        stem: After the first convolution, at 1/2 of the size.
        pooled: The same after its pooling, at 1/4.
        reduced: Before the pooling of each of the three transitions, at 1/4, 1/8 and 1/16.
        transitions: After that pooling, at 1/8, 1/16 and 1/32.
        last: After the last block, its normalisation and ReLU, at 1/32.
    """

    stem: Tensor
    pooled: Tensor
    reduced: list[Tensor]
    transitions: list[Tensor]
    last: Tensor


class DenseNet(nn.Module):
    """A DenseNet without its classifier (Huang et al. 2017, https://arxiv.org/abs/1608.06993).

    Layers, names of parameters and initialisation are timm's, which are torchvision's.

    Args:
        in_channels: Of the image.
        growth_rate: Channels that a layer adds.
        blocks: Number of layers in each of the four dense blocks.
        width: Scales `growth_rate`, from which all channels follow.

    Attributes:
        stem_channels: Of `Features.stem` and `Features.pooled`.
        transition_channels: Of `Features.reduced` and `Features.transitions`.
        last_channels: Of `Features.last`.
    """

    features: Any  # timm's layers, under timm's names

    def __init__(
        self, in_channels: int, growth_rate: int, blocks: tuple[int, ...], width: float = 1.0
    ) -> None:
        super().__init__()
        network = timm.models.densenet.DenseNet(
            growth_rate=scaled(growth_rate, width),
            block_config=blocks,
            in_chans=in_channels,
            num_classes=0,
        )
        self.features = network.features
        self.stem_channels: int = self.features.conv0.out_channels
        self.transition_channels: list[int] = [t.conv.out_channels for _, t in self._stages()]
        self.last_channels: int = network.num_features

    def forward(self, image: Tensor) -> Features:
        """Return what a decoder may take."""
        layers = self.features
        stem = layers.norm0(layers.conv0(image))
        pooled = layers.pool0(stem)
        reduced, transitions = [], [pooled]
        for block, transition in self._stages():
            reduced.append(transition.conv(transition.norm(block(transitions[-1]))))
            transitions.append(transition.pool(reduced[-1]))
        last = layers.norm5(layers.denseblock4(transitions[-1]))
        return Features(stem, pooled, reduced, transitions[1:], last)

    def _stages(self) -> list[tuple[Any, Any]]:
        layers = self.features
        return [
            (layers.denseblock1, layers.transition1),
            (layers.denseblock2, layers.transition2),
            (layers.denseblock3, layers.transition3),
        ]


def densenet161(in_channels: int, width: float = 1.0) -> DenseNet:
    """DenseNet-161: growth rate 48; 26,472,000 parameters for a 3-channel image."""
    return DenseNet(in_channels, growth_rate=48, blocks=(6, 12, 36, 24), width=width)


def densenet169(in_channels: int, width: float = 1.0) -> DenseNet:
    """DenseNet-169: growth rate 32; 12,484,480 parameters for a 3-channel image."""
    return DenseNet(in_channels, growth_rate=32, blocks=(6, 12, 32, 32), width=width)
