"""The mean over the pixels that count, image by image."""

from torch import Tensor


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return the mean of `values` where `valid` is 1; 0 for an image without such a pixel.

    Args:
        values: (B, C, H, W), finite everywhere.
        valid: (B, C, H, W), in {0, 1}.

    Returns:
        (B,).
    """
    pixels = (1, 2, 3)
    return (values * valid).sum(pixels) / valid.sum(pixels).clamp_min(1)
