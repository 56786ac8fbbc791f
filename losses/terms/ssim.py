"""Structural dissimilarity."""

import functools

import torch
from kornia.filters import filter2d_separable
from torch import Tensor

from losses.loss import Requirement, loss
from losses.masked_mean import masked_mean

SIGMA = 1.5  # of the Gaussian window, in pixels
C1, C2 = 0.01**2, 0.03**2  # keep the quotient finite where an image is black, or flat


@loss(
    takes="probabilities",
    bounds=(0, 1),
    requires={"window": Requirement(lambda n: n > 1 and n % 2 == 1, "an odd number from 3")},
)
def ssim(
    probabilities: Tensor, target: Tensor, valid: Tensor | None, *, window: int = 11
) -> Tensor:
    """Structural dissimilarity, `mean((1 - SSIM(p, t)) / 2)`.

    SSIM as in Wang et al. 2004 (https://doi.org/10.1109/TIP.2003.819861): Gaussian window with
    sigma 1.5, constants 0.01^2 and 0.03^2, images mirrored at their border. In a hole both images
    hold 1/2, and only windows around a valid pixel are averaged.

    Args:
        probabilities: (B, C, H, W), in [0, 1].
        target: (B, C, H, W), in [0, 1].
        valid: (B, C, H, W), in {0, 1}; None where every pixel counts.
        window: Side of the window in pixels, odd.

    Returns:
        (B,), in [0, 1].

    Raises:
        ValueError: The image is too small for the window.
    """
    smallest = window // 2 + 1
    if min(target.shape[2:]) < smallest:
        raise ValueError(
            f"ssim with window={window} needs images of at least {smallest} px, "
            f"not {tuple(target.shape[2:])}"
        )
    similarity = _similarity(_as_channels(probabilities), _as_channels(target), window)
    # Rounding takes the similarity slightly out of its range.
    dissimilarity = ((1 - similarity) / 2).clamp(0, 1)
    return masked_mean(dissimilarity.reshape(target.shape), valid)


def _similarity(first: Tensor, second: Tensor, window: int) -> Tensor:
    """Return the SSIM of two images (1, C, H, W) around each pixel, in [-1, 1]."""
    weights = _gaussian(window, first)
    mean = functools.partial(filter2d_separable, kernel_x=weights, kernel_y=weights)
    mean_1, mean_2 = mean(first), mean(second)
    square_1, square_2, product = mean_1**2, mean_2**2, mean_1 * mean_2
    variance_1 = mean(first**2) - square_1
    variance_2 = mean(second**2) - square_2
    covariance = mean(first * second) - product
    return ((2 * product + C1) * (2 * covariance + C2)) / (
        (square_1 + square_2 + C1) * (variance_1 + variance_2 + C2)
    )


def _gaussian(window: int, like: Tensor) -> Tensor:
    """Return the window's weights (1, window), made on the device: a copy from the host waits."""
    offset = torch.arange(window, dtype=like.dtype, device=like.device) - window // 2
    weights = (offset.square() / (-2 * SIGMA**2)).exp()
    return (weights / weights.sum()).unsqueeze(0)


def _as_channels(images: Tensor) -> Tensor:
    """All images as the channels of one, which kornia filters tenfold faster on a CPU."""
    return images.reshape(1, -1, *images.shape[2:])
