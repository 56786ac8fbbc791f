"""What changed between a background and a composite, whatever the exposure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.data.images import Pixels

Change = npt.NDArray[np.float32]
Selection = npt.NDArray[np.bool_]

MIN_PIXELS = 64  # pixels outside of the mask; fewer do not tell the exposure
TRIMMED = 0.2  # share of the pixels: shadows and what the mask misses, which are no exposure
MIN_CHANGE = 20  # grey levels: JPEG at a low quality stays below
NOISE_FACTOR = 4.0
"""Of the median change where nothing was added: flicker and a camera that moved spread so far."""
GAINS = (0.5, 2.0)  # one stop: two photographs of one scene differ by less


def change(composite: Pixels, background: Pixels, mask: Selection | None) -> Change:
    """How far each pixel differs from the background as the composite's exposure shows it.

    Gain and offset of every channel are those that carry the background's mean and spread over to
    the composite's, outside of the mask, with the worst fifth of the pixels left out.

    Args:
        composite: (H, W, 3) uint8.
        background: (H, W, 3) uint8.
        mask: (H, W), the object, if it is known.

    Returns:
        (H, W) the largest difference of a channel, in grey levels.
    """
    outside = np.ones(composite.shape[:2], np.bool_) if mask is None else ~mask
    if outside.sum() < MIN_PIXELS:
        outside = np.ones_like(outside)
    whole_before, whole_after = _channels(background), _channels(composite)
    before, after = whole_before[:, outside], whole_after[:, outside]
    gain, offset = _exposure(before, after)
    error = np.abs(after - gain * before - offset).max(axis=0)
    kept = error <= np.quantile(error, 1 - TRIMMED)
    gain, offset = _exposure(before[:, kept], after[:, kept])
    found: Change = np.abs(whole_after - gain[..., None] * whole_before - offset[..., None]).max(
        axis=0
    )
    return found


def _channels(pixels: Pixels) -> Change:
    """(H, W, 3) to (3, H, W): sums over a channel are fast where it lies in one piece."""
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0), dtype=np.float32)


def significant(change: Change, elsewhere: Selection) -> Selection:
    """(H, W) what changed by more than noise does.

    Args:
        change: (H, W), see `change`.
        elsewhere: (H, W), the pixels whose median tells the noise.
    """
    return change > max(MIN_CHANGE, NOISE_FACTOR * float(np.median(change[elsewhere])))


def _exposure(before: Change, after: Change) -> tuple[Change, Change]:
    """(3, 1) gain and offset of the channels of (3, N) pixels."""
    spread = after.std(axis=1, keepdims=True) / before.std(axis=1, keepdims=True).clip(1)
    gain = np.clip(spread, *GAINS)
    return gain, after.mean(axis=1, keepdims=True) - gain * before.mean(axis=1, keepdims=True)
