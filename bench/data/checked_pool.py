"""A pool of samples that refuses images which would be learned from wrongly."""

from __future__ import annotations

from bench.data import as_shown
from bench.data.decode import Encoded
from bench.data.images import Pixels
from bench.data.sample_pool import SamplePool
from bench.errors import InputError
from bench.settings.base import Size


class CheckedPool(SamplePool):
    """A pool whose images are refused where decoding does not give what a viewer shows."""

    def background(self, background_row: int, size: Size) -> Pixels:
        """See `SamplePool.background`.

        Raises:
            InputError: likewise, or decoding does not give what a viewer shows.
        """
        layout, entry = self._background_place(background_row)
        _require_as_shown("background", Encoded.read(layout, entry))
        return super().background(background_row, size)

    def _read(self, kind: str, row: int) -> Encoded:
        image = super()._read(kind, row)
        _require_as_shown(kind, image)
        return image


def _require_as_shown(kind: str, image: Encoded) -> None:
    reason = as_shown.why_not(image.content, kind)
    if reason is not None:
        raise InputError(f"{image.layout.entries.where(image.row)}: {reason}")
