"""The dilated network: two independent twins, one per task, that never lose their view."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from architectures.contract import TASKS, Prediction
from architectures.registry import register
from architectures.width import scaled


@register
def dilated_twin(
    *, inputs: str = "pair", tasks: tuple[str, ...] = TASKS, width: float = 1.0
) -> nn.Module:
    """Two independent dilated networks with circular padding, one for mask and one for depth.

    The "depth_mask_model" of the course project of GadirajuSanjayvarma (GitHub); dilation after
    Yu & Koltun 2016, https://arxiv.org/abs/1511.07122. 1,340,224 parameters, 670,112 per task.
    Background and composite are fused late, after four convolutions each; `inputs="composite"`
    leaves the background's convolutions out. The published network resizes to a fixed 100 px, this
    one to the size of its input. The published normalisation of the inputs is left out: under
    circular padding, shifting and scaling a color is undone by the first batch normalisation and
    weights. Weights start as PyTorch has them. For training in stages the parts are `twins.mask`
    and `twins.depth`.
    """
    return DilatedTwin(inputs=inputs, tasks=tasks, width=width)


class DilatedTwin(nn.Module):
    """A `Twin` per task; nothing is shared."""

    def __init__(self, *, inputs: str, tasks: tuple[str, ...], width: float) -> None:
        super().__init__()
        self.inputs = inputs
        images = 2 if inputs == "pair" else 1
        self.twins = nn.ModuleDict({task: Twin(images, width) for task in tasks})

    def forward(self, background: Tensor, composite: Tensor) -> Prediction:
        """Predict from background and composite, (B, 3, H, W) in [0, 1]."""
        images = (background, composite) if self.inputs == "pair" else (composite,)
        logits = {task: twin(*images) for task, twin in self.twins.items()}
        return Prediction(mask_logits=logits.get("mask"), depth_logits=logits.get("depth"))


class Twin(nn.Module):
    """One task: a path per image, a full-size path, a path at half size, and both joined."""

    def __init__(self, images: int, width: float) -> None:
        super().__init__()
        c16, c32, c64, c128 = (scaled(c, width) for c in (16, 32, 64, 128))
        self.images = nn.ModuleList(
            nn.Sequential(
                CircularConvolution(3, c16),
                CircularConvolution(c16, c16),
                CircularConvolution(c16, c32),
                CircularConvolution(c32, c32),
            )
            for _ in range(images)
        )
        self.full_size = nn.Sequential(
            CircularConvolution(images * c32, c64, dilation=2),
            CircularConvolution(c64, c64, dilation=4),
            CircularConvolution(c64, c128, dilation=8),
            CircularConvolution(c128, c64),
        )
        self.half_size = nn.Sequential(
            CircularConvolution(c64, c16, stride=2),
            CircularConvolution(c16, c16),
            CircularConvolution(c16, c32, dilation=2),
            CircularConvolution(c32, c32, dilation=4),
            CircularConvolution(c32, c64, dilation=8),
            CircularConvolution(c64, c64, dilation=16),
            CircularConvolution(c64, c128, dilation=16),
            CircularConvolution(c128, c64, dilation=16),
            CircularConvolution(c64, c64),
        )
        self.joined = CircularConvolution(2 * c64, c128)
        self.head = nn.Conv2d(c128, 1, 3, padding=1, padding_mode="circular", bias=False)

    def forward(self, *images: Tensor) -> Tensor:
        """Return logits of the images' size."""
        paths = [path(x) for path, x in zip(self.images, images, strict=True)]
        skip = self.full_size(torch.cat(paths, dim=1))
        x = F.interpolate(self.half_size(skip), size=skip.shape[2:], mode="nearest")
        logits: Tensor = self.head(self.joined(torch.cat((x, skip), dim=1)))
        return logits


class CircularConvolution(nn.Sequential):
    """A 3x3 convolution that sees the image as if opposite edges met, BatchNorm and ReLU.

    The padding is the dilation, so at stride 1 the size is kept. It may not exceed the size.
    """

    def __init__(
        self, channels: int, out_channels: int, *, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(
                channels,
                out_channels,
                3,
                stride,
                padding=dilation,
                dilation=dilation,
                bias=False,
                padding_mode="circular",
            ),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )
