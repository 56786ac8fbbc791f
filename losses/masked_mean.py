"""The mean over the pixels that count, image by image."""

from torch import Tensor

PIXELS = (1, 2, 3)


def counted(values: Tensor, valid: Tensor | None) -> Tensor:
    """Return `values`, with 0 where `valid` is 0; None means that every pixel counts."""
    return values if valid is None else values * valid


def masked_mean(values: Tensor, valid: Tensor | None) -> Tensor:
    """Return the mean of `values` where `valid` is 1; 0 for an image without such a pixel.

    Args:
        values: (B, C, H, W), finite everywhere.
        valid: (B, C, H, W), in {0, 1}; None where every pixel counts.

    Returns:
        (B,).
    """
    if valid is None:
        return values.mean(PIXELS)
    return (values * valid).sum(PIXELS) / valid.sum(PIXELS).clamp_min(1)
