"""Whether a mask is one, and whether it is where the composite differs from its background."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.archives.check import pairing, partners
from bench.archives.check.difference import Change, Selection, significant
from bench.archives.check.finding import Finding, Severity, faulty_samples
from bench.archives.check.images import SIDE
from bench.data import images

Grey = npt.NDArray[np.uint8 | np.uint16]

BLACK, WHITE = 15, 240
"""Greys beyond these are near 0 or 255: JPEG's ripples beside an edge stay within them."""
GREY_SHARE = 0.1
"""JPEG edges make 1 to 4 % of a mask's pixels grey; more is no edge, unless it is less than the
object, and than the ground: edges of fine shapes at 32 px come to 0.92 of the object."""
GREY_SHARE_WORTH_A_NOTE = 0.005
MIN_ORDER = 0.7
"""Of right masks on photographs with flicker and shadows, the least was 0.76; of masks of other
samples, half were below 0.6."""
MIN_OVERLAP = 0.4
"""The IoU that a rough mask still has, as one made from depth (0.58 and more)."""
OUTLYING = 4.0
"""Spreads below the archive's median, where the archive is regular: 1 in 30,000 by chance."""
FEW = 0.05
"""The share of samples with right masks, of an archive with objects that look like what is behind
them, whose order is below `MIN_ORDER`: at most 0.047 of rendered ones."""
TO_SIGMA = 1.4826  # from the median absolute deviation of a normal distribution


UNKNOWN: dict[str, object] = dict.fromkeys(
    (
        "mask_share",
        "mask_maximum",
        "mask_grey_share",
        "mask_order",
        "mask_overlap",
    ),
    np.nan,
)
"""The columns of a mask that could not be read."""


def shrink(grey: Grey, threshold: int) -> Selection:
    """(H, W) to (SIDE, SIDE): object where most of what lies under a pixel is."""
    share = images.resize((_in_8_bits(grey) > threshold).astype(np.float32), (SIDE, SIDE))
    return share > 0.5  # noqa: PLR2004


def measure(
    grey: Grey, threshold: int, mask: Selection, change: Change | None
) -> dict[str, object]:
    """The columns of one mask.

    Args:
        grey: (H, W) as it is in the file.
        threshold: what is above it is object.
        mask: ``grey`` as `shrink` made it.
        change: (SIDE, SIDE) between background and composite, see `difference.change`.

    Returns:
        ``mask_share`` and ``mask_grey_share`` of the pixels in [0, 1]; ``mask_maximum`` in
        [0, 255]; ``mask_order`` and ``mask_overlap``, how well it agrees with the change, in
        [0, 1].
    """
    grey = _in_8_bits(grey)
    found = {
        "mask_share": (grey > threshold).mean(),
        "mask_maximum": int(grey.max()),
        "mask_grey_share": ((grey > BLACK) & (grey < WHITE)).mean(),
    }
    if change is not None and 0 < mask.sum() < mask.size:
        found |= {"mask_order": _order(change, mask), "mask_overlap": _overlap(change, mask)}
    return found


def _in_8_bits(grey: Grey) -> Grey:
    return (grey >> 8).astype(np.uint8) if grey.dtype == np.uint16 else grey


def _order(change: Change, mask: Selection) -> float:
    """The chance that a pixel of the mask has changed more than one outside (a rank statistic).

    0.5 for a mask that knows nothing of the change; no threshold is needed.
    """
    inside, outside = change[mask], np.sort(change[~mask])
    below = np.searchsorted(outside, inside, side="left")
    not_above = np.searchsorted(outside, inside, side="right")
    return float((below + not_above).mean() / 2 / len(outside))


def _overlap(change: Change, mask: Selection) -> float:
    """The IoU of the mask and the pixels that changed by more than noise does."""
    changed = significant(change, ~mask)
    return float((changed & mask).sum() / (changed | mask).sum())


def judge(table: pd.DataFrame) -> list[Finding]:
    """Masks that are empty, full or grey, or are beside what changed."""
    share, grey_share = table["mask_share"], table["mask_grey_share"]
    faint = (share == 0) & (table["mask_maximum"] > 0)
    grey = (grey_share > GREY_SHARE) & (grey_share > np.minimum(share, 1 - share))
    beside = table.loc[_disagrees(table), "key"]
    findings = [
        faulty_samples(
            "empty mask",
            Severity.WARNING,
            table.loc[(table["mask_share"] == 0) & ~faint, "key"],
            "no pixel is object: right only where there is none",
        ),
        faulty_samples(
            "faint mask",
            Severity.WARNING,
            table.loc[faint & (table["mask_grey_share"] < GREY_SHARE), "key"],
            "no pixel is above the threshold, yet some are not black (the highest grey is "
            f"{table.loc[faint, 'mask_maximum'].max():g}): write a lower mask_threshold in the "
            "grid, as in `archive: {files: ..., mask_threshold: 0}`",
        ),
        faulty_samples(
            "full mask",
            Severity.WARNING,
            table.loc[table["mask_share"] == 1, "key"],
            "every pixel is object: look whether the mask is inverted or the wrong image",
        ),
        faulty_samples(
            "grey mask",
            Severity.WARNING,
            table.loc[grey, "key"],
            f"more than {GREY_SHARE:.0%} of the pixels are neither near 0 nor near 255, and edges "
            "make less: look whether it is a mask, and whether the threshold suits it",
        ),
        faulty_samples(
            "mask beside the change",
            Severity.NOTE if len(beside) < FEW * len(table) else Severity.WARNING,
            beside,
            "the composite differs from its background elsewhere, exposure and noise evened out: "
            "look whether mask and background are another sample's, and whether more was pasted "
            "than the mask shows; a few objects may only look like what is behind them",
        ),
    ]
    mean = grey_share.mean()
    if mean > GREY_SHARE_WORTH_A_NOTE:
        edged = grey_share > GREY_SHARE_WORTH_A_NOTE
        findings.append(
            Finding(
                "soft mask edges",
                Severity.NOTE,
                tuple(table.loc[edged, "key"]),
                f"{mean:.1%} of all mask pixels are neither near 0 nor near 255, as soft edges and "
                "JPEG leave them: they are cut at the threshold, there is nothing to do",
            )
        )
    return [finding for finding in findings if finding.subjects]


def _disagrees(table: pd.DataFrame) -> pd.Series[bool]:
    """Order says it whatever the archive; overlap where the archive's other masks do overlap.

    On the wrong background, and where the mask is of another shape, everything has changed.
    """
    overlap = table["mask_overlap"]
    by_archive = overlap.groupby(table["archive"])
    median = by_archive.transform("median")
    spread = TO_SIGMA * (overlap - median).abs().groupby(table["archive"]).transform("median")
    outlying = overlap < np.minimum(MIN_OVERLAP, median - OUTLYING * spread)
    other = pairing.is_wrong(table) | pairing.is_mirrored(table)
    other |= partners.has_other_shape(table, "mask") | partners.has_other_shape(table, "composite")
    return ((table["mask_order"] < MIN_ORDER) | outlying) & ~other
