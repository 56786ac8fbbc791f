"""The up-projection network on DenseNet-161."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.contract import TASKS
from architectures.early_fusion import image_channels
from architectures.encoders import weights
from architectures.encoders.densenet import densenet161
from architectures.registry import register
from architectures.up_projection_network import UpProjectionNetwork


@register
def densenet161_upproj(
    *,
    inputs: str = "pair",
    tasks: tuple[str, ...] = TASKS,
    width: float = 1.0,
    encoder_weights: str | None = None,
) -> nn.Module:
    """DenseNet-161 under up-projections, multi-scale fusion and refinement (Hu et al. 2019).

    Papers: https://arxiv.org/abs/1803.08673, encoder https://arxiv.org/abs/1608.06993. 77,101,151
    parameters for the published depth network, which is `inputs="composite", tasks=("depth",)`.
    In all else like `resnet50_upproj`, with timm's initialisation of the encoder.
    """
    encoder = FourScales(image_channels(inputs), width)
    weights.load(
        encoder.densenet,
        encoder_weights,
        timm_name="densenet161.tv_in1k",
        classifier="classifier",
    )
    return UpProjectionNetwork(encoder, encoder.channels, inputs=inputs, tasks=tasks, width=width)


class FourScales(nn.Module):
    """DenseNet-161 seen as four scales: the transitions before their pooling, and the last block.

    Attributes:
        channels: Of the four outputs: 192, 384, 1056 and 2208 at width 1.
    """

    def __init__(self, in_channels: int, width: float = 1.0) -> None:
        super().__init__()
        self.densenet = densenet161(in_channels, width)
        self.channels = [*self.densenet.transition_channels, self.densenet.last_channels]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return features at 1/4, 1/8, 1/16 and 1/32 of the size."""
        features = self.densenet(image)
        return [*features.reduced, features.last]
