"""Which entries belong together: what every layout is read into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from bench.data.entries import Entries
from bench.errors import InputError
from bench.settings import DepthCoding

KINDS = ("background", "composite", "mask", "depth", "unknown")
PLACE = (*(f"{kind}_entry" for kind in KINDS), "background_mirrored")
"""The columns of a manifest's samples that tell where the images are."""
NO_ENTRY = -1


@dataclass(frozen=True)
class Manifest:
    """The samples of one dataset, whatever the layout it came in.

    Attributes:
        name: of the layout.
        entries: where the images lie.
        samples: one row a sample: ``key`` and ``background`` (an id), text; of each kind of `KINDS`
            a column ``<kind>_entry``, a row of ``entries`` or `NO_ENTRY`; ``background_mirrored``,
            whether the composite was made on the mirror image of its background; and further
            columns, as text, that can group a split (``foreground``, ``scene`` ...).
            An ``unknown`` image is bright where the sample's mask is not known.
        mask_threshold: a mask's grey above this is object.
        depth_coding: how the depth images are to be read.
        remarks: what was found on the way and is worth saying.
    """

    name: str
    entries: Entries
    samples: pd.DataFrame
    mask_threshold: int
    depth_coding: DepthCoding
    remarks: tuple[str, ...] = ()

    def without(self, keys: Iterable[str]) -> Manifest:
        """The layout less some of its samples."""
        kept = self.samples[~self.samples["key"].isin(list(keys))]
        return replace(self, samples=kept.reset_index(drop=True))

    def kinds(self) -> tuple[str, ...]:
        """The kinds of images that some sample has."""
        return tuple(k for k in KINDS if (self.samples[f"{k}_entry"] != NO_ENTRY).any())

    def require_partners(self) -> None:
        """Make sure that what some samples have, all of them have.

        Raises:
            InputError: there is no sample, no composite at all, or a sample lacks an image.
        """
        if self.samples.empty:
            raise InputError(f"{self.entries.paths}: no samples")
        for kind in dict.fromkeys(("composite", *self.kinds())):
            lacking = self.samples[self.samples[f"{kind}_entry"] == NO_ENTRY]
            if len(lacking):
                first = lacking.iloc[0]
                name = f" ({first['background']})" if kind == "background" else ""
                raise InputError(
                    f"{self.entries.paths}: {len(lacking)} of {len(self.samples)} samples have no "
                    f"{kind}{name}, the first is {first['key']}; `bench data check` lists them and "
                    "can write a file that leaves them out"
                )
