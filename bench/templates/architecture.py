"""A network of one's own; `bench check FILE:NAME` examines it, a grid names it `FILE:NAME`.

Modules beside this file can be imported. When one of them or this file changes, the cells that
were trained with it are run again.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from architectures import Prediction


# The keyword arguments are the options that a grid can set, as in {name: FILE:NAME, channels: 32}.
def my_part(
    *, channels: int = 16, inputs: str = "pair", tasks: tuple[str, ...] = ("mask", "depth")
) -> nn.Module:
    """Return an encoder and a decoder of three levels each, with skips (a small U-Net).

    Args:
        channels: of the first level; each further one has twice as many.
        inputs: "pair" for background and composite, "composite" for that alone.
        tasks: what to predict, "mask" and "depth" or one of them.
    """
    return Network(channels, inputs, tasks)


class Network(nn.Module):
    """One decoder for all tasks, with a channel of logits for each."""

    def __init__(self, channels: int, inputs: str, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.inputs, self.tasks = inputs, tasks
        one, two, four = channels, 2 * channels, 4 * channels
        self.down = nn.ModuleList(
            [block(6 if inputs == "pair" else 3, one), block(one, two), block(two, four)]
        )
        self.up = nn.ModuleList([block(four + two, two), block(two + one, one)])
        self.head = nn.Conv2d(one, len(tasks), kernel_size=1)

    def forward(self, background: Tensor, composite: Tensor) -> Prediction:
        """Return logits of full size.

        Args:
            background: (B, 3, H, W), in [0, 1]: the scene without the object.
            composite: (B, 3, H, W), in [0, 1]: the scene with the object. H and W are any sizes
                from 32 px.
        """
        x = torch.cat([background, composite], dim=1) if self.inputs == "pair" else composite
        levels = []
        for number, down in enumerate(self.down):
            x = down(x if number == 0 else F.max_pool2d(x, 2))
            levels.append(x)
        for up, skip in zip(self.up, reversed(levels[:-1]), strict=True):
            # To the size of the skip: an odd size is not twice its half.
            x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = up(torch.cat([x, skip], dim=1))
        logits = dict(zip(self.tasks, self.head(x).split(1, dim=1), strict=True))
        return Prediction(mask_logits=logits.get("mask"), depth_logits=logits.get("depth"))


def block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return two 3x3 convolutions, each with batch normalisation and a ReLU."""
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [
            nn.Conv2d(channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)
