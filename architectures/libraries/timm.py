"""Encoders of timm under a plain U-Net decoder: `timm:ENCODER`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from architectures.contract import TASKS
from architectures.double_convolution import DoubleConvolution
from architectures.early_fusion import EarlyFusion, image_channels
from architectures.libraries import timm_encoder
from architectures.libraries.any_size import Sizes, at_any_size
from architectures.libraries.trial import check_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_CHANNELS, LAST_CHANNELS = 256, 16


def create(
    name: str,
    /,
    *,
    inputs: str = "pair",
    tasks: tuple[str, ...] = TASKS,
    encoder_weights: str | None = None,
) -> nn.Module:
    """An encoder of timm under a decoder with concatenated skips and one output channel per task.

    Library: https://github.com/huggingface/pytorch-image-models. The decoder is that of U-Net
    (https://arxiv.org/abs/1505.04597) with bilinear resizing: 256 channels at the first step, half
    of them at each further one, 16 at least. Where the encoder has no features, at 1/2 of the size
    and between it and the encoder's finest, there is no skip; at full size the image is the
    skip. Images are padded to the multiple the encoder takes and the logits cropped; for
    encoders that take one size only, both are resized. Colors are normalised as timm has it for
    the encoder.

    Args:
        name: Any timm model with features, such as "convnext_tiny" or "resnet50.a1_in1k".
        inputs: "pair" or "composite".
        tasks: Those to predict.
        encoder_weights: None, "imagenet" (the weights of the name's tag) or the path of a file
            with timm's weights.

    Raises:
        ArchitectureError: If there is no such encoder, or no such weights.
        Exception: Whatever timm raises for an encoder that it cannot build or run.
    """
    check_name(name)
    network = TimmNetwork(name, inputs=inputs, tasks=tasks, encoder_weights=encoder_weights)
    check_runs(network)
    return network


def names() -> list[str]:
    """Return every model of timm by name; some have no features to decode."""
    models: list[str] = timm.list_models()
    return models


def check_name(name: str) -> None:
    """Check that there is such a model.

    Raises:
        ArchitectureError: If not.
    """
    timm_encoder.check_name(f"timm:{name}", name)


class TimmNetwork(EarlyFusion):
    """Encoder and decoder, and a convolution whose output channels are the tasks."""

    encoder: Any  # timm's FeatureListNet and its kin

    def __init__(
        self, name: str, *, inputs: str, tasks: tuple[str, ...], encoder_weights: str | None
    ) -> None:
        super().__init__(inputs=inputs, normalization=timm_encoder.normalization(name))
        self.tasks = tasks
        in_channels = image_channels(inputs)
        size_options, only = timm_encoder.size_options(name)
        self.encoder = timm.create_model(
            name,
            features_only=True,
            in_chans=in_channels,
            **size_options,
            **timm_encoder.weight_options(name, encoder_weights),
        )
        channels = self.encoder.feature_info.channels()
        strides = self.encoder.feature_info.reduction()
        self.sizes = Sizes(multiple=max(strides)) if only is None else Sizes(1, only=only)
        self.decoder = Decoder([in_channels, *channels], finest_stride=strides[0])
        self.head = nn.Conv2d(self.decoder.out_channels, len(tasks), 3, padding=1)

    def predict(self, image: Tensor) -> dict[str, Tensor]:
        """Run encoder and decoder once and split the output by task."""
        logits = at_any_size(self._logits, image, self.sizes)
        return {task: logits[:, i : i + 1] for i, task in enumerate(self.tasks)}

    def _logits(self, image: Tensor) -> Tensor:
        features = self.encoder(image)
        if getattr(self.encoder, "output_fmt", "NCHW") == "NHWC":
            features = [x.permute(0, 3, 1, 2) for x in features]
        logits: Tensor = self.head(self.decoder(image, features))
        return logits


class Decoder(nn.Module):
    """Step by step from the coarsest features to the image's size.

    Args:
        channels: Of the image and of the features, the finest first.
        finest_stride: How many times smaller than the image the finest features are.
    """

    def __init__(self, channels: Sequence[int], finest_stride: int) -> None:
        super().__init__()
        image, *skips, coarsest = channels
        self.steps_without_skip = max(0, int(math.log2(finest_stride)) - 1)
        self.steps = nn.ModuleList()
        x = coarsest
        for skip in (*reversed(skips), *[0] * self.steps_without_skip, image):
            out = max(LAST_CHANNELS, FIRST_CHANNELS >> len(self.steps))
            self.steps.append(DoubleConvolution(x + skip, out))
            x = out
        self.out_channels = x

    def forward(self, image: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Return (B, `out_channels`, H, W) of the image's size; features finest first."""
        x = features[-1]
        for step, skip in zip(
            self.steps,
            (*features[-2::-1], *[None] * self.steps_without_skip, image),
            strict=True,
        ):
            if skip is None:
                x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            else:
                x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
                x = torch.cat((skip, x), dim=1)
            x = step(x)
        return x
