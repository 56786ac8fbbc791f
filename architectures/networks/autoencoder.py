"""The autoencoder: a dilated residual encoder and an up-projection decoder."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.contract import TASKS
from architectures.early_fusion import IMAGENET, EarlyFusion, image_channels
from architectures.encoders.drn import DRND22
from architectures.registry import register
from architectures.up_projection import UpProjection
from architectures.width import scaled


@register
def autoencoder(
    *, inputs: str = "pair", tasks: tuple[str, ...] = TASKS, width: float = 1.0
) -> nn.Module:
    """DRN-D-22 under up-projections, without skips: the mask network of Hu et al. 2019.

    Paper: "Visualization of Convolutional Neural Networks for Monocular Depth Estimation",
    https://arxiv.org/abs/1904.03380; encoder https://arxiv.org/abs/1705.09914. 25,259,761
    parameters for the published mask network, which is `inputs="composite", tasks=("mask",)`; the
    16,393,752 that were also published as its size are those of the encoder with a classifier of
    1000 classes. More tasks share the encoder and have a decoder each. The published sigmoid is
    left to the losses. Colors are normalised by ImageNet's mean and deviation. The encoder starts
    as ResNets do, the decoders as PyTorch has them. For training in stages the parts are
    `encoder`, `decoders.mask` and `decoders.depth`.
    """
    return Autoencoder(inputs=inputs, tasks=tasks, width=width)


class Autoencoder(EarlyFusion):
    """One encoder for all tasks; per task a decoder that sees the coarsest features only."""

    def __init__(self, *, inputs: str, tasks: tuple[str, ...], width: float) -> None:
        super().__init__(inputs=inputs, normalization=IMAGENET)
        self.encoder = DRND22(image_channels(inputs), width)
        self.decoders = nn.ModuleDict(
            {task: Decoder(self.encoder.channels, width) for task in tasks}
        )

    def predict(self, image: Tensor) -> dict[str, Tensor]:
        """Run every decoder on the one encoder's features."""
        features, sizes = self.encoder(image)
        return {task: decoder(features, sizes) for task, decoder in self.decoders.items()}


class Decoder(nn.Module):
    """Three up-projections, from 1/8 of the size to all of it, and a 3x3 convolution."""

    def __init__(self, channels: int, width: float) -> None:
        super().__init__()
        c64, c128, c256 = (scaled(c, width) for c in (64, 128, 256))
        self.ups = nn.ModuleList(
            (UpProjection(channels, c256), UpProjection(c256, c128), UpProjection(c128, c64))
        )
        self.head = nn.Conv2d(c64, 1, 3, padding=1)

    def forward(self, x: Tensor, sizes: list[tuple[int, int]]) -> Tensor:
        """Return logits of the last of the sizes."""
        for up, size in zip(self.ups, sizes, strict=True):
            x = up(x, size)
        logits: Tensor = self.head(x)
        return logits
