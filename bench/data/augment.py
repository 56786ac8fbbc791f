"""Random flips and color changes, drawn per sample and applied to the whole batch at once."""

from __future__ import annotations

import torch
from kornia import enhance
from kornia.geometry.transform import hflip
from torch import Tensor

from bench.data.batches import Batch


def augment(batch: Batch, *, flip: bool, color_jitter: float, generator: torch.Generator) -> Batch:
    """A random variant of every sample.

    Args:
        batch: what to vary.
        flip: mirror all images of half of the samples.
        color_jitter: shift brightness by up to this much, and scale contrast and saturation by
            factors in [1 - color_jitter, 1 + color_jitter]. Each works pixel by pixel and the two
            inputs of a sample share theirs, so that no new difference between the two arises; the
            targets keep their values.
        generator: the source of the draws, on the CPU.
    """
    count, device = len(batch.mask), batch.mask.device
    draws = torch.rand(count, 4, generator=generator)
    if device.type == "cuda":
        draws = draws.pin_memory()  # or the host would wait for the copy
    draws = draws.to(device, non_blocking=True)
    if flip:
        flipped = (draws[:, 0] < 0.5).view(-1, 1, 1, 1)  # noqa: PLR2004 - one half
        batch = batch.map(lambda image: torch.where(flipped, hflip(image), image))
    if color_jitter:
        brightness, contrast, saturation = (color_jitter * (2 * draws[:, 1:] - 1)).unbind(1)

        def jitter(image: Tensor) -> Tensor:
            image = enhance.adjust_brightness(image, brightness)
            image = enhance.adjust_contrast(image, 1 + contrast)
            return enhance.adjust_saturation_with_gray_subtraction(image, 1 + saturation)

        batch = batch._replace(
            background=jitter(batch.background), composite=jitter(batch.composite)
        )
    return batch
