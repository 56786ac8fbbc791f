"""Whether depth is depth: a frame around it, few levels, few readings, the wrong way round."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageFilter

from bench.archives.check.difference import Selection
from bench.archives.check.finding import Finding, Severity, faulty_samples
from bench.archives.check.images import SIDE
from bench.settings import DepthCoding

Coded = npt.NDArray[np.uint8 | np.uint16]

FRAME_TOLERANCE = 0.04
"""Of the coding's maximum: JPEG's ripples beside a frame's edge."""
FRAMED_LINE = 0.95
"""Share of a row's or column's pixels that have the frame's value."""
MIN_FRAME = 2  # pixels; a line may be a filter's border
SAME_FRAME = 0.9
"""Share of an archive's images: a plot draws one frame around all of them, a wall does not."""
SAME_PLACE = 2  # pixels
LEVELS_SHARE = 0.99
"""Share of the pixels whose levels are counted: stray levels at JPEG's edges do not count."""
MIN_LEVELS = 32
"""8 bits stretched over a scene give more than 100."""
MAX_BEYOND = 0.05
"""Share of the pixels beyond the coding's maximum, which all count as the same depth."""
MIN_READINGS = 0.5
"""A depth camera in a room reads two thirds and more of the pixels."""
RING = 4, 1
"""Pixels by which a mask grows to the outer and the inner edge of a ring around it."""
CLEAR_STEP = 0.02
"""Of the coding's maximum: less between object and surroundings is no vote."""
MIN_VOTES = 5
CLEAR_MAJORITY = 2 / 3
SOME = 1 / 4

SIDES = ("top", "left", "bottom", "right")
UNKNOWN: dict[str, object] = dict.fromkeys(
    (
        "depth_holds_crop",
        "depth_valid_share",
        "depth_beyond_share",
        "depth_levels",
        "depth_step",
        *(f"frame_{side}" for side in SIDES),
    ),
    np.nan,
)
"""The columns of a depth image that could not be read."""


def measure(coded: Coded, coding: DepthCoding, mask: Selection | None) -> dict[str, object]:
    """The columns of one depth image.

    Args:
        coded: (H, W) as it is in the file.
        coding: how it is to be read.
        mask: (SIDE, SIDE), the object, if it is known.

    Returns:
        ``depth_holds_crop``, 0 where the image is smaller, which ends it; ``depth_valid_share``
        of the pixels, and ``depth_beyond_share`` of the valid ones, which are above the coding's
        maximum; ``depth_levels``, how many make up most of them; ``frame_top`` ... in pixels, what
        lies inside a frame; ``depth_step`` from the object's surroundings to the object, as a share
        of the coding's maximum; ``depth_contrast`` of the valid pixels.
    """
    if coding.crop is not None:
        top, left, bottom, right = coding.crop
        if bottom > coded.shape[0] or right > coded.shape[1]:
            return {"depth_holds_crop": 0}
        coded = coded[top:bottom, left:right]
    valid = np.ones(coded.shape, np.bool_) if coding.invalid is None else coded != coding.invalid
    columns: dict[str, object] = {"depth_valid_share": valid.mean()}
    if not valid.any():
        return columns
    columns["depth_beyond_share"] = (coded[valid] > coding.maximum).mean()
    columns["depth_contrast"] = float(np.ptp(coded[valid]))
    columns["depth_levels"] = _levels(coded[valid])
    box = _inside_frame(coded, coding)
    if box is not None:
        columns |= {f"frame_{side}": place for side, place in zip(SIDES, box, strict=True)}
    if mask is not None:
        columns["depth_step"] = _step(coded, valid, mask) / coding.maximum
    return columns


def _levels(values: Coded) -> int:
    """How many levels, the most frequent first, make up `LEVELS_SHARE` of the values."""
    counts = np.sort(np.bincount(values))[::-1].cumsum()
    return int(np.searchsorted(counts, LEVELS_SHARE * len(values))) + 1


def _inside_frame(coded: Coded, coding: DepthCoding) -> tuple[int, int, int, int] | None:
    """Top, left, bottom and right of what lies inside a border of one value, if there is one."""
    edge = np.concatenate([coded[0], coded[-1], coded[:, 0], coded[:, -1]])
    value = int(np.median(edge))
    if value == coding.invalid:
        return None  # what a camera did not read counts for nothing already
    same = np.abs(coded.astype(np.int32) - value) <= FRAME_TOLERANCE * coding.maximum
    rows = np.flatnonzero(same.mean(axis=1) < FRAMED_LINE)
    columns = np.flatnonzero(same.mean(axis=0) < FRAMED_LINE)
    if not len(rows) or not len(columns):
        return None
    box = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    height, width = coded.shape
    margins = (box[0], box[1], height - box[2], width - box[3])
    return box if min(margins) >= MIN_FRAME else None


def _step(coded: Coded, valid: Selection, mask: Selection) -> float:
    """The median of the coded values on the object less that of a ring around it, or NaN."""
    height, width = coded.shape
    pick = np.ix_(
        ((np.arange(SIDE) + 0.5) * height / SIDE).astype(int),
        ((np.arange(SIDE) + 0.5) * width / SIDE).astype(int),
    )
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    outer, inner = (np.asarray(image.filter(ImageFilter.BoxBlur(reach))) > 0 for reach in RING)
    inside, around = mask & valid[pick], outer & ~inner & valid[pick]
    if not inside.any() or not around.any():
        return np.nan
    return float(np.median(coded[pick][inside]) - np.median(coded[pick][around]))


def judge(table: pd.DataFrame) -> list[Finding]:
    """Depth that is framed, coarse, mostly unread, or the wrong way round."""
    coarse = (table["depth_levels"] < MIN_LEVELS) & (table["depth_contrast"] > 0)
    unread = table["depth_valid_share"] < MIN_READINGS
    beyond = table["depth_beyond_share"] > MAX_BEYOND
    findings = [
        faulty_samples(
            "depth smaller than its crop",
            Severity.ERROR,
            table.loc[table["depth_holds_crop"] == 0, "key"],
            "`depth: {crop: ...}`, of the grid or of the layout, reaches beyond the image: write "
            "another one in the grid, or leave the samples out",
        ),
        Finding(
            "few depth levels",
            Severity.WARNING,
            tuple(table.loc[coarse, "key"]),
            f"{table.loc[coarse, 'depth_levels'].median():g} levels (the median) make up "
            f"{LEVELS_SHARE:.0%} of the pixels: the errors are those of the coding; get the depth "
            "in more bits, or stretched over the whole range",
        ),
        Finding(
            "depth beyond its maximum",
            Severity.WARNING,
            tuple(table.loc[beyond, "key"]),
            f"more than {MAX_BEYOND:.0%} of the pixels are above the stated maximum and count as "
            "that: write a larger one in the grid, as in `depth: {maximum: 10000}`",
        ),
        faulty_samples(
            "depth mostly invalid",
            Severity.WARNING,
            table.loc[unread, "key"],
            f"less than {MIN_READINGS:.0%} of the pixels have a reading: the others count for "
            "nothing; look whether `invalid` is right, or leave the samples out",
        ),
    ]
    for archive, samples in table.groupby("archive", sort=False):
        findings += [_frame(str(archive), samples), *_polarity(str(archive), samples)]
    return [finding for finding in findings if finding.subjects]


def _frame(archive: str, samples: pd.DataFrame) -> Finding:
    places = samples[[f"frame_{side}" for side in SIDES]]
    box = places.median()
    framed = ((places - box).abs() <= SAME_PLACE).all(axis=1)
    with_depth = samples["depth_valid_share"] > 0
    if not with_depth.any() or framed.sum() < SAME_FRAME * with_depth.sum():
        return Finding("depth in a frame", Severity.WARNING, (), "")
    top, left, bottom, right = (int(place) for place in box)
    pixels = samples.loc[framed, ["depth_height", "depth_width"]].prod(axis=1).median()
    outside = 1 - (bottom - top) * (right - left) / pixels
    return Finding(
        "depth in a frame",
        Severity.WARNING,
        tuple(samples.loc[framed, "key"]),
        f"a border of one value makes up {outside:.0%} of each image: write "
        f"`depth: {{crop: [{top}, {left}, {bottom}, {right}]}}` beside `files: {archive}` in the "
        "grid",
    )


def _polarity(archive: str, samples: pd.DataFrame) -> list[Finding]:
    """What an object hides stands behind it: it is nearer than what is seen around it."""
    step, stated = samples["depth_step"], samples["depth_near"].iloc[0]
    votes = {"low": step < -CLEAR_STEP, "high": step > CLEAR_STEP}
    other = "high" if stated == "low" else "low"
    against, total = int(votes[other].sum()), int(votes["low"].sum() + votes["high"].sum())
    affected = tuple(samples.loc[votes[other], "key"])
    if total < MIN_VOTES or against <= SOME * total:
        return []
    counts = f"in {against} of {total} samples the object is farther than what is around it"
    if against >= CLEAR_MAJORITY * total:
        return [
            Finding(
                "depth the wrong way round",
                Severity.WARNING,
                affected,
                f"{counts}, read as near: {stated}; if that is not so, write "
                f"`depth: {{near: {other}}}` beside `files: {archive}` in the grid",
            )
        ]
    return [
        Finding(
            "depth of either polarity",
            Severity.NOTE,
            affected,
            f"{counts}, read as near: {stated}: look whether some images are the other way round",
        )
    ]
