"""Structural dissimilarity."""

from kornia.losses import ssim_loss
from torch import Tensor

from losses.loss import Requirement, loss
from losses.masked_mean import masked_mean


@loss(
    takes="probabilities",
    bounds=(0, 1),
    requires={"window": Requirement(lambda n: n > 1 and n % 2 == 1, "an odd number from 3")},
)
def ssim(probabilities: Tensor, target: Tensor, valid: Tensor, *, window: int = 11) -> Tensor:
    """Structural dissimilarity, `mean((1 - SSIM(p, t)) / 2)`.

    SSIM as in Wang et al. 2004 (https://doi.org/10.1109/TIP.2003.819861), by kornia: Gaussian
    window with sigma 1.5, constants 0.01^2 and 0.03^2, images mirrored at their border. In a
    hole both images hold 1/2, and only windows around a valid pixel are averaged.

    Args:
        probabilities: (B, C, H, W), in [0, 1].
        target: (B, C, H, W), in [0, 1].
        valid: (B, C, H, W), in {0, 1}.
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
    # kornia's eps is for its denominator, which its two constants keep from 0 already; with it the
    # loss of two equal images would not be 0.
    dissimilarity = ssim_loss(
        _as_channels(probabilities), _as_channels(target), window, eps=0.0, reduction="none"
    )
    return masked_mean(dissimilarity.reshape(target.shape), valid)


def _as_channels(images: Tensor) -> Tensor:
    """All images as the channels of one, which kornia filters tenfold faster on a CPU."""
    return images.reshape(1, -1, *images.shape[2:])
