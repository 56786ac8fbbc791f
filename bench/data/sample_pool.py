"""The samples of several datasets as one, each image decoded when it is asked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.data import decode
from bench.data.decode import DepthMap, Encoded, Mask
from bench.data.images import Depth, Pixels
from bench.data.layouts import KINDS, Manifest
from bench.errors import InputError
from bench.settings.base import Size


class SamplePool:
    """Samples and their images, by row.

    Attributes:
        samples: one row a sample: ``key``, ``background`` and the further columns, as text.
        kinds: which of `bench.data.layouts.KINDS` there are.
        background_rows: (N,) of each sample, the row of its background among all.
        background_count: how many backgrounds there are; a mirrored one counts by itself.
        depth_dtype: what holds the values of all depth maps.
        has_invalid_depth: whether some depth maps may have pixels without a reading.

    Raises:
        InputError: a key is listed twice, a sample lacks a partner, or the kinds differ.
    """

    def __init__(self, layouts: list[Manifest]) -> None:
        for layout in layouts:
            layout.require_partners()
            if layout.kinds() != layouts[0].kinds():
                raise InputError(
                    f"data.archive: {layout.entries.paths} holds {', '.join(layout.kinds())}, but "
                    f"{layouts[0].entries.paths} holds {', '.join(layouts[0].kinds())}"
                )
        self._layouts = layouts
        self.kinds = layouts[0].kinds()
        samples = pd.concat([layout.samples for layout in layouts], ignore_index=True)
        repeated = samples["key"][samples["key"].duplicated()]
        if not repeated.empty:
            raise InputError(
                f"data.archive: the key {repeated.iloc[0]} stands in more than one of the archives"
            )
        self._source = np.repeat(np.arange(len(layouts)), [len(lay.samples) for lay in layouts])
        self._entries = {kind: samples.pop(f"{kind}_entry").to_numpy() for kind in KINDS}
        mirrored = samples.pop("background_mirrored").to_numpy(dtype=bool)
        self.samples = samples
        # A background is one image of one dataset, however many samples stand on it.
        self.background_rows, self._backgrounds = pd.factorize(
            pd.MultiIndex.from_arrays([self._source, self._entries["background"], mirrored])
        )
        self._background_sizes: dict[int, Size] = {}  # as they are found
        self.background_count = len(self._backgrounds) if "background" in self.kinds else 0
        self.depth_dtype = decode.depth_dtype(layouts)
        self.has_invalid_depth = any(lay.depth_coding.invalid is not None for lay in layouts)

    def background(self, background_row: int, size: Size) -> Pixels:
        """A background at ``size``, (H, W, 3) uint8.

        Raises:
            InputError: it is damaged.
        """
        layout, entry = self._background_place(background_row)
        mirrored = self._backgrounds[background_row][2]
        return decode.decode_color(Encoded.read(layout, entry), size, mirrored=mirrored)

    def composite(self, row: int, size: Size) -> Pixels:
        """A sample's composite at ``size``, (H, W, 3) uint8.

        Raises:
            InputError: it is damaged, or has another shape than the background.
        """
        return decode.decode_color(self._read("composite", row), size)

    def mask(self, row: int, size: Size) -> Mask:
        """A sample's mask at ``size``.

        Raises:
            InputError: it is damaged, or has another shape than the sample's other images.
        """
        unknown = self._read("unknown", row) if "unknown" in self.kinds else None
        return decode.decode_mask(self._read("mask", row), size, unknown)

    def depth(self, row: int, size: Size) -> DepthMap:
        """A sample's depth map at ``size``.

        Raises:
            InputError: it is damaged, or has another shape than the sample's other images.
        """
        return decode.decode_depth(self._read("depth", row), size)

    def coded_depth(self, depth: Depth) -> npt.NDArray[np.uint8 | np.uint16]:
        """Depth in [0, 1] as whole numbers from 0 to the greatest that `depth_dtype` holds."""
        return np.rint(depth * np.iinfo(self.depth_dtype).max).astype(self.depth_dtype)

    def _read(self, kind: str, row: int) -> Encoded:
        """A sample's image, which shows the field that its background, or composite, shows."""
        layout = self._layouts[self._source[row]]
        image = Encoded.read(layout, int(self._entries[kind][row]))
        other, other_size = self._shown(row)
        (height, width), (other_height, other_width) = image.size, other_size
        # One aspect ratio, to within a pixel of the larger side: a thumbnail's sides are rounded.
        if abs(height * other_width - width * other_height) > max(width, other_width):
            raise InputError(
                f"{layout.entries.where(image.row)} is {width}x{height} px, but "
                f"{layout.entries.names[other]} is {other_width}x{other_height} px; a sample's "
                "images must have one shape"
            )
        return image

    def _shown(self, row: int) -> tuple[int, Size]:
        """The entry of a sample's background, or else its composite, and that image's size."""
        if "background" not in self.kinds:
            layout, entry = self._layouts[self._source[row]], int(self._entries["composite"][row])
            return entry, Encoded.read(layout, entry).size
        background_row = int(self.background_rows[row])
        layout, entry = self._background_place(background_row)
        if background_row not in self._background_sizes:
            self._background_sizes[background_row] = Encoded.read(layout, entry).size
        return entry, self._background_sizes[background_row]

    def _background_place(self, background_row: int) -> tuple[Manifest, int]:
        source, entry, _ = self._backgrounds[background_row]
        return self._layouts[source], entry
