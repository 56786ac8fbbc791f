"""The up-projection network on ResNet-50."""

from __future__ import annotations

from typing import TYPE_CHECKING

from architectures.contract import TASKS
from architectures.early_fusion import image_channels
from architectures.encoders import weights
from architectures.encoders.resnet import ResNet50
from architectures.registry import register
from architectures.up_projection_network import UpProjectionNetwork

if TYPE_CHECKING:
    from torch import nn


@register
def resnet50_upproj(
    *,
    inputs: str = "pair",
    tasks: tuple[str, ...] = TASKS,
    width: float = 1.0,
    encoder_weights: str | None = None,
) -> nn.Module:
    """ResNet-50 under up-projections, multi-scale fusion and refinement (Hu et al. 2019).

    Papers: https://arxiv.org/abs/1803.08673, up-projection https://arxiv.org/abs/1606.00373.
    67,569,473 parameters for the published depth network, which is `inputs="composite",
    tasks=("depth",)`; more tasks share the encoder and have a decoder each. Predicts at half size
    and is resized bilinearly. Colors are normalised by ImageNet's mean and deviation. Without
    `encoder_weights` ("imagenet" or a file) the encoder starts as ResNets do, everything else as
    PyTorch has it. For training in stages the parts are `encoder`, `decoders.mask` and
    `decoders.depth`.
    """
    encoder = ResNet50(image_channels(inputs), width)
    weights.load(
        encoder,
        encoder_weights,
        timm_name="resnet50.tv_in1k",
        classifier="fc",
    )
    return UpProjectionNetwork(encoder, encoder.channels, inputs=inputs, tasks=tasks, width=width)
