"""What an archive holds twice: entries, images to the byte, and images to the eye."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bench.archives.check import pairing
from bench.archives.check.difference import Change, Selection, significant
from bench.archives.check.finding import Finding, Severity, faulty_samples
from bench.archives.check.images import SIDE, State
from bench.archives.check.similarity import Hashes, dhash, near_pairs
from bench.data.images import Pixels
from bench.data.layouts import Manifest

SAME_PLACE = 0.02  # of the side, between the centres of what changed
SAME_AREA = 0.02  # of the image, between the areas of what changed
MAX_BLOCKS = 50  # of a million near pairs: an archive of one image would have no end of them


def image_of_change(change: Change | None, composite: Pixels | None) -> Pixels:
    """What to hash of a sample, (SIDE, SIDE, 3): what was added to the background.

    Of the composite itself the background would decide, on which many samples stand.
    """
    if change is None:
        return np.zeros((SIDE, SIDE, 3), np.uint8) if composite is None else composite
    added = np.where(_added(change), change.clip(0, 255), 0).astype(np.uint8)
    return np.repeat(added[:, :, None], 3, axis=2)


def _added(change: Change) -> Selection:
    return significant(change, np.ones(change.shape, np.bool_))


UNKNOWN: dict[str, object] = dict.fromkeys(("change_share", "change_row", "change_column"), np.nan)
"""The columns of a sample whose composite or background could not be read."""


def measure(change: Change) -> dict[str, object]:
    """The columns of one sample.

    Returns:
        ``change_share`` of the pixels, and ``change_row``, ``change_column``: their centre, all in
        [0, 1].
    """
    rows, columns = np.nonzero(_added(change))
    if not len(rows):
        return {"change_share": 0.0}
    return {
        "change_share": len(rows) / change.size,
        "change_row": rows.mean() / SIDE,
        "change_column": columns.mean() / SIDE,
    }


def hashes(images: list[Pixels]) -> Hashes:
    """(N,) a perceptual hash of each."""
    return dhash(np.stack(images)) if images else np.empty(0, np.uint64)


def repeated_entries(layouts: list[Manifest]) -> list[Finding]:
    """Names that stand twice in one zip."""
    names: list[str] = []
    for layout in layouts:
        for container in layout.entries.containers:
            counts = pc.value_counts(container.names)
            twice = pc.greater(pc.struct_field(counts, "counts"), pa.scalar(1, pa.int64()))
            names += pc.struct_field(counts, "values").filter(twice).to_pylist()
    if not names:
        return []
    return [
        Finding(
            "entry stands twice",
            Severity.WARNING,
            tuple(sorted(names)),
            "a zip holds entries of one name, as when a program that appends is run again; the "
            "last one is read: make the archive anew if the earlier ones are the right ones",
        )
    ]


def judge(table: pd.DataFrame) -> list[Finding]:
    """Composites and backgrounds that are there more than once."""
    composites = table[table["composite_state"] == State.READ]
    again = composites["composite_content"].duplicated()
    findings = [
        faulty_samples(
            "composite stands twice",
            Severity.WARNING,
            composites.loc[again, "key"],
            "to the byte an earlier sample's composite: a split can put one to train and one to "
            "test; leave the later ones out",
        ),
        _near(composites[~again]),
        _backgrounds(table),
    ]
    return [finding for finding in findings if finding.subjects]


def _near(samples: pd.DataFrame) -> Finding:
    """Hashes alone find too much where objects are small: place and area have to agree."""
    # Where nothing was added, or to another background, there is nothing to tell samples by.
    other = pairing.is_wrong(samples) | pairing.is_mirrored(samples)
    samples = samples[(samples["change_share"] != 0) & ~other]
    backgrounds = samples["background_content"].to_numpy()
    place = samples[["change_row", "change_column"]].to_numpy(dtype=float)
    area = samples["change_share"].to_numpy(dtype=float)
    alike = np.zeros(len(samples), np.bool_)
    pairs = near_pairs(samples["hash"].to_numpy(dtype=np.uint64))
    for block in itertools.islice(pairs, MAX_BLOCKS):
        first, second = block.T
        same = backgrounds[first] == backgrounds[second]
        # Without a background there is no place to compare (NaN), and the hash decides.
        same &= ~(np.abs(place[first] - place[second]).max(axis=1) > SAME_PLACE)
        same &= ~(np.abs(area[first] - area[second]) > SAME_AREA)
        alike[block[same].ravel()] = True
    return Finding(
        "look alike",
        Severity.NOTE,
        tuple(samples.loc[alike, "key"]),
        "another sample has the same background and looks the same, as neighbours in a film do: "
        "split by a group they share (`split: {by: ...}`), so that no side knows the other's",
    )


def _backgrounds(table: pd.DataFrame) -> Finding:
    """One background under several names stands on both sides of a split by background."""
    read = table[table["background_state"] == State.READ].drop_duplicates("background_entry")
    twice = read["background_content"].duplicated(keep=False)
    return Finding(
        "background stands twice",
        Severity.NOTE,
        tuple(read.loc[twice, "background"]),
        "one image under several names: a split by background takes them for different ones",
    )
