"""Whether each sample has all its images, and whether they fit onto each other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.archives.check.finding import Finding, Severity, faulty_samples
from bench.archives.check.images import State
from bench.data.layouts import KINDS


def judge(table: pd.DataFrame) -> list[Finding]:
    """Missing partners, shapes that differ, repeated keys, archives without a target."""
    other_shape = pd.concat([has_other_shape(table, kind) for kind in KINDS], axis=1).any(axis=1)
    other_size = pd.concat([_has_other_size(table, kind) for kind in KINDS], axis=1).any(axis=1)
    findings = [
        *(_missing(table, kind) for kind in KINDS),
        faulty_samples(
            "sizes that differ",
            Severity.ERROR,
            table.loc[other_shape, "key"],
            "a sample's images have to show the same field, and their sides differ in ratio: "
            "make them anew, or leave the samples out",
        ),
        Finding(
            "scales that differ",
            Severity.NOTE,
            tuple(table.loc[other_size & ~other_shape, "key"]),
            "one image of the sample is larger than another of the same shape: all are brought "
            "to one size, there is nothing to do",
        ),
        faulty_samples(
            "repeated key",
            Severity.ERROR,
            table.loc[table["key"].duplicated(), "key"].unique(),
            "more than one archive has the key: check and train on these archives one by "
            "one, or leave the samples out",
        ),
        *_archives(table),
    ]
    return [finding for finding in findings if finding.subjects]


def _missing(table: pd.DataFrame, kind: str) -> Finding:
    """What some samples of an archive have, all need; and all need a composite."""
    lacking = table[f"{kind}_state"] == State.MISSING
    needed = (~lacking).groupby(table["archive"]).transform("any") | (kind == "composite")
    return faulty_samples(
        f"missing {kind}",
        Severity.ERROR,
        table.loc[lacking & needed, "key"],
        f"other samples have a {kind}: add the entries, or leave the samples out",
    )


def has_other_shape(table: pd.DataFrame, kind: str) -> pd.Series[bool]:
    """Whose image has other sides than the background, or without one than the composite.

    As in training: one aspect ratio, to within a pixel of the larger side.
    """
    height, width = _shown_size(table)
    error = (height * table[f"{kind}_width"] - width * table[f"{kind}_height"]).abs()
    return _both_known(table, kind) & (error > np.maximum(width, table[f"{kind}_width"]))


def _has_other_size(table: pd.DataFrame, kind: str) -> pd.Series[bool]:
    return _both_known(table, kind) & (table[f"{kind}_width"] != _shown_size(table)[1])


def _shown_size(table: pd.DataFrame) -> tuple[pd.Series[int], pd.Series[int]]:
    """Height and width in pixels of the image whose field a sample shows, 0 if unknown."""
    known = table["background_width"] > 0
    height = table["background_height"].where(known, table["composite_height"])
    return height, table["background_width"].where(known, table["composite_width"])


def _both_known(table: pd.DataFrame, kind: str) -> pd.Series[bool]:
    return (table[f"{kind}_width"] > 0) & (_shown_size(table)[1] > 0)


def _archives(table: pd.DataFrame) -> list[Finding]:
    """Archives that cannot be trained on, or not together, whatever is left out."""
    there = pd.DataFrame(
        {kind: (table[f"{kind}_state"] != State.MISSING) for kind in KINDS}
    ).groupby(table["archive"], sort=False)
    kinds = there.any()
    without_target = kinds.index[~kinds["mask"] & ~kinds["depth"]]
    unlike = kinds.index[(kinds != kinds.iloc[0]).any(axis=1)]
    return [
        Finding(
            "no mask and no depth",
            Severity.ERROR,
            tuple(without_target),
            "there is nothing to learn: name the archives that hold them as well",
        ),
        Finding(
            "archives that differ in kinds",
            Severity.ERROR,
            tuple(unlike),
            f"not the same kinds of images as in {kinds.index[0]}: train on them one by one",
        ),
    ]
