"""Images of any size for networks that take some sizes only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch.nn.functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class Sizes(NamedTuple):
    """The image sizes that a network takes.

    Attributes:
        multiple: Height and width have to be multiples of this.
        smallest: Neither may be less than this.
        only: If not None, the one size (height, width) it takes.
    """

    multiple: int
    smallest: int = 1
    only: tuple[int, int] | None = None


def at_any_size(network: Callable[[Tensor], Tensor], image: Tensor, sizes: Sizes) -> Tensor:
    """Run a network on an image of any size, and bring its output to that size.

    For a network of a single size, or of a smallest size that is larger, image and output are
    resized bilinearly. To reach a multiple, the last row and column are repeated and the output is
    cropped.

    Args:
        network: From (B, C, H, W) to (B, K, H, W).
        image: (B, C, H, W).
        sizes: Those the network takes.

    Returns:
        (B, K, H, W) with the image's height and width.
    """
    height, width = image.shape[2:]
    taken = sizes.only or (max(height, sizes.smallest), max(width, sizes.smallest))
    x = _resized(image, taken)
    padding = (0, -taken[1] % sizes.multiple, 0, -taken[0] % sizes.multiple)
    if any(padding):
        x = F.pad(x, padding, mode="replicate")
    return _resized(network(x)[..., : taken[0], : taken[1]], (height, width))


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    if x.shape[2:] == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
