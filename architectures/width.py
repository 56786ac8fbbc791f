"""How the option `width` scales a network."""

from __future__ import annotations

_MULTIPLE = 4


def scaled(channels: int, width: float) -> int:
    """Return a channel count of the published network at another width.

    At width 1 it is the published count; at any other the nearest multiple of 4, at least 4, so
    that 64 channels are 16 at width 0.25 and 48 are 12.
    """
    if width == 1:
        return channels
    return max(_MULTIPLE, _MULTIPLE * int(channels * width / _MULTIPLE + 0.5))
