r"""The layouts that published systems came in, named by their structure.

Each is a set of patterns and the rule by which its generator numbered the files:

======================== =================================== =====================================
layout                   composite                           rule
======================== =================================== =====================================
numbered_per_background  ``bg_fg_1/{b}_bg_{n}_fg.jpg``       n from 1 within a background
named_by_pair            ``fg_bg/bg_{b}fg_{f}[_flip]_{k}``   the name says it
numbered_parts           ``Fg-Bg/fg-bg{n}.jpg``              n from 1 over five parts
numbered_single_zip      ``images/fgbg{n:06d}.jpg``          n from 0 over all
labelled                 any                                 ``labels.csv`` says it
======================== =================================== =====================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench.data.images import decode_grey
from bench.data.layouts import labels
from bench.data.layouts.names import Columns, Names
from bench.errors import InputError
from bench.settings import DepthCoding, Patterns

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Preset:
    """A published layout.

    Attributes:
        patterns: of the entries' names.
        derive: the samples' columns out of ``key`` and the parts of the names.
        depth_coding: how its depth is to be read.
        mirrors_background: whether samples whose ``mirrored`` is 1 were made on the mirror image of
            their background.
        listing: a pattern of texts that list the composites.
    """

    patterns: Patterns
    derive: Callable[[Columns], Columns]
    depth_coding: DepthCoding
    mirrors_background: bool = False
    listing: str | None = None


def _numbers(texts: pa.LargeStringArray) -> Numbers:
    return np.asarray(pc.cast(texts, pa.int64()))


def _texts(numbers: Numbers) -> pa.LargeStringArray:
    return pc.cast(pa.array(numbers), pa.large_string())


def _numbered_per_background(columns: Columns) -> Columns:
    """20 placements of each foreground; n counts from 1 anew on every background.

    The published description's example, 5_bg_100_fg.jpg for foreground 100, is not what was
    written: that is the last placement of foreground 5.
    """
    number = _numbers(columns["number"]) - 1
    return {
        "key": columns["key"],
        "background": columns["background"],
        "foreground": _texts(number // 20 + 1),
        "placement": _texts(number % 20),
    }


def _named_by_pair(columns: Columns) -> Columns:
    flipped = pc.equal(columns.pop("flip"), "_flip")
    return {**columns, "mirrored": _texts(np.asarray(flipped, np.int64))}


def _numbered_parts(columns: Columns) -> Columns:
    """Five parts, each of 20 foregrounds of its own on all of the 100 backgrounds.

    A part holds 800 files a background: 40 a foreground, 20 placements, each followed by its twin
    with the foreground mirrored.
    """
    part, within = np.divmod(_numbers(columns["key"]) - 1, 80_000)
    return {
        "key": columns["key"],
        "background": _texts(within // 800 + 1),
        "foreground": _texts(20 * part + within % 800 // 40 + 1),
        "placement": _texts(within % 40 // 2 + 1),
        "mirrored": _texts(within % 2),
    }


def _numbered_parts_as_published(columns: Columns) -> Columns:
    """4,000 files a background, counted through the sorted paths: right for 1 in 100."""
    columns = _numbered_parts(columns)
    part = pa.array((_numbers(columns["key"]) - 1) // 80_000)
    order = pc.sort_indices(
        pa.table({"part": part, "key": columns["key"]}),
        sort_keys=[("part", "ascending"), ("key", "ascending")],
    )
    place = np.empty(len(order), np.int64)
    place[order.to_numpy()] = np.arange(len(order))
    return {**columns, "background": _texts(place // 4000 + 1)}


def _numbered_single_zip(columns: Columns) -> Columns:
    """4,000 files a background, the second half made on its mirror image; n counts from 0.

    Which foreground stands where was not published.
    """
    number = _numbers(columns["key"])
    return {
        "key": columns["key"],
        "background": pc.utf8_lpad(_texts(number // 4000 + 1), 3, "0"),
        "mirrored": _texts(number % 4000 // 2000),
    }


PRESETS = {
    "numbered_per_background": Preset(
        patterns=Patterns(
            composite=r"bg_fg_1/{key:\d+_bg_\d+_fg}.*",
            mask=r"bg_fg_mask_1/{key:\d+_bg_\d+_fg}.*",
            depth=r"depthMap/{key:\d+_bg_\d+_fg}.*",
            background=r"bg/{background:\d+}_bg.*",
            background_of=r"{background:\d+}_bg_{number:\d+}_fg",
        ),
        derive=_numbered_per_background,
        # A figure of the color-mapped depth was saved: its white margin is no depth, and only the
        # place in the color map is. Near is the map's dark end.
        depth_coding=DepthCoding(near="low", colors="plasma", crop=(26, 28, 200, 203)),
        listing="labels.txt",
    ),
    "named_by_pair": Preset(
        patterns=Patterns(
            composite=r"fg_bg/{key:bg_\d+fg_\d+(?:_flip)?_\d+}.*",
            mask=r"fg_bg_mask/{key:bg_\d+fg_\d+(?:_flip)?_\d+}.*",
            depth=r"Depth_output/{key:bg_\d+fg_\d+(?:_flip)?_\d+}.*",
            background=r"bg/bg_{background:\d+}.*",
            background_of=(
                r"bg_{background:\d+}fg_{foreground:\d+}{flip:(?:_flip)?}_{placement:\d+}"
            ),
        ),
        derive=_named_by_pair,
        depth_coding=DepthCoding(near="low", maximum=225),  # depth was written times 225
    ),
    "numbered_parts": Preset(
        patterns=Patterns(
            composite=r"Fg-Bg/fg-bg{key:\d+}.*",
            mask=r"Fg-Bg-Mask/fg-bg-mask{key:\d+}.*",
            depth=r"Depth/depth{key:\d+}.*",
            background=r"Background/bg{background:\d+}.*",
        ),
        derive=_numbered_parts,
        depth_coding=DepthCoding(near="low"),
    ),
    "numbered_single_zip": Preset(
        patterns=Patterns(
            composite=r"images/fgbg{key:\d+}.*",
            mask=r"masks/mask{key:\d+}.*",
            depth=r"depth/fgbg{key:\d+}.*",
            background=r"bg_images/bgimg{background:\d+}.*",
        ),
        derive=_numbered_single_zip,
        mirrors_background=True,
        depth_coding=DepthCoding(near="high"),
    ),
}

# The rules that were published with them, where those are wrong: to repeat a published result.
PUBLISHED = {
    "numbered_parts": replace(PRESETS["numbered_parts"], derive=_numbered_parts_as_published),
    "numbered_single_zip": replace(PRESETS["numbered_single_zip"], mirrors_background=False),
}

LABELLED = "labelled"
_LABELS = "labels.csv"
_UNKNOWN = "unknown/{key}.*"  # where the table has no column for it
_CALLED = {
    "key": "id",
    "background": "bg",
    "composite": "fg_bg",
    "mask": "fg_bg_mask",
    "depth": "depth",
    "unknown": "unknown",
    "foreground": "fg",
    "mirrored": "flip",
}


def labelled(names: Names, depth: DepthCoding | None) -> Patterns | None:
    """How to read the ``labels.csv`` among the entries, if it has the published columns.

    Args:
        names: of the entries.
        depth: how depth is coded, if the source says it.

    Raises:
        InputError: there is one that is no table, or that names two depths of which the coding does
            not choose one.
    """
    where, columns = labels.content(names, _LABELS)
    if "fg_bg" not in columns:
        return None
    called = {ours: theirs for ours, theirs in _CALLED.items() if theirs in columns}
    if "depth" in called:
        called["depth"] = _depth_column(names, where, columns, depth)
    beside = "unknown" not in called and names.count(_UNKNOWN) > 0
    return Patterns(labels=_LABELS, columns=called, unknown=_UNKNOWN if beside else None)


def _depth_column(names: Names, where: str, columns: Columns, coding: DepthCoding | None) -> str:
    """The column of the depth: measured in 16 bits, or made visible in 8, as the coding says."""
    files = labels.first_files(names, columns)
    deep = [column for column, row in files.items() if _has_16_bits(names.entries.read(row))]
    if not deep or "depth" in deep:
        return "depth"
    if coding is None:
        raise InputError(
            f"{where}: the column depth names images of 8 bits, {deep[0]} of 16: choose by the "
            "coding in a grid, as in data.archive: {files: ..., depth: {maximum: 10000, invalid: "
            f"0}}}} for {deep[0]}, or {{files: ..., depth: {{maximum: 255}}}} for depth"
        )
    return deep[0] if coding.maximum > np.iinfo(np.uint8).max else "depth"


def _has_16_bits(content: bytes) -> bool:
    try:
        return decode_grey(content).dtype == np.uint16
    except ValueError:  # no image
        return False
