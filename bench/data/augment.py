"""Random flips and color changes, drawn per sample and applied to the whole batch at once."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.data.batches import Batch
from bench.data.transfer import to_device


def augment(
    batch: Batch,
    *,
    flip: bool,
    color_jitter: float,
    generator: torch.Generator,
    places: slice = slice(None),
    total: int | None = None,
) -> Batch:
    """A random variant of every sample.

    Args:
        batch: what to vary.
        flip: mirror all images of half of the samples.
        color_jitter: shift brightness by up to this much, and scale contrast and saturation by
            factors in [1 - color_jitter, 1 + color_jitter]. Each works pixel by pixel and the two
            inputs of a sample share theirs, so that no new difference between the two arises; the
            targets keep their values.
        generator: the source of the draws, on the CPU.
        places: of these samples, where they are some of a larger batch, all of which is drawn for.
        total: samples of that batch.
    """
    if not flip and not color_jitter:
        return batch
    count = len(batch.mask)
    draws = torch.rand(total or count, 4, generator=generator)[places]
    draws[:, 1:] = color_jitter * (2 * draws[:, 1:] - 1)
    # Twice: for the backgrounds and the composites, whose colors are changed in one go.
    draws = to_device(draws.repeat(2, 1), batch.mask.device)
    coin, brightness, contrast, saturation = draws.view(-1, 4, 1, 1, 1).unbind(1)
    if flip:
        flipped = coin[:count] < 0.5  # noqa: PLR2004 - one half
        batch = batch.map(lambda image: torch.where(flipped, image.flip(-1), image))
    if color_jitter:
        inputs = torch.cat((batch.background, batch.composite))
        inputs = _with_colors(inputs, brightness, 1 + contrast, 1 + saturation)
        batch = batch._replace(background=inputs[:count], composite=inputs[count:])
    return batch


def _with_colors(
    images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor
) -> Tensor:
    """Images (B, 3, H, W) in [0, 1] with other colors, in [0, 1].

    As kornia's `adjust_brightness`, `adjust_contrast` and `adjust_saturation_with_gray_subtraction`
    one after the other, without the constants that these copy to the device at every call.

    Args:
        images: to change.
        brightness: (B, 1, 1, 1), is added.
        contrast: (B, 1, 1, 1), multiplies.
        saturation: (B, 1, 1, 1), how far each pixel is from its gray (luma of ITU-R BT.601).
    """
    images = (images + brightness).clamp_(0, 1)
    images = (images * contrast).clamp_(0, 1)
    red, green, blue = images.unbind(1)
    gray = (0.299 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114).unsqueeze(1)
    return ((1 - saturation) * gray + saturation * images).clamp_(0, 1)
