"""How an image changes from pixel to pixel, and where that is known."""

import torch.nn.functional as F
from torch import Tensor


def neighbour_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the differences of neighbouring pixels.

    Args:
        image: (B, C, H, W).

    Returns:
        Right minus left, (B, C, H, W-1), and lower minus upper, (B, C, H-1, W).
    """
    return image.diff(dim=3), image.diff(dim=2)


def valid_neighbours(valid: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """Return which `neighbour_differences` have two valid pixels: the same shapes, in {0, 1}.

    None means that every pixel is valid, and so is every difference.
    """
    if valid is None:
        return None, None
    return valid[..., 1:] * valid[..., :-1], valid[..., 1:, :] * valid[..., :-1, :]


def sobel(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Sobel gradients, not normalised, with zeros around the image.

    The kernels and the border are those of Hu et al. 2019 (https://arxiv.org/abs/1803.08673,
    https://github.com/JunjH/Revisiting_Single_Depth_Estimation); kornia's `spatial_gradient`
    repeats the border instead.

    Args:
        image: (B, C, H, W).

    Returns:
        The gradients along x (left minus right) and y (upper minus lower), each (B, C, H, W).
    """
    # Added up slice by slice: on a CPU a convolution of one channel takes twenty times as long.
    padded = F.pad(image, (1, 1, 1, 1))
    across = padded[..., :-2] - padded[..., 2:]
    down = padded[..., :-2, :] - padded[..., 2:, :]
    gradient_x = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    gradient_y = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return gradient_x, gradient_y


def valid_neighbourhoods(valid: Tensor | None) -> Tensor | None:
    """Return which `sobel` gradients see valid pixels only (the zeros around the image are valid).

    Args:
        valid: (B, C, H, W), in {0, 1}; None where every pixel is valid.

    Returns:
        (B, C, H, W), in {0, 1}; None where every gradient sees valid pixels only.
    """
    if valid is None:
        return None
    return 1 - F.max_pool2d(1 - valid, kernel_size=3, stride=1, padding=1)
