"""What an archive holds twice: entries, images to the byte, and images to the eye."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bench.archives.check import pairing
from bench.archives.check.difference import Change, Selection, significant
from bench.archives.check.finding import Finding, Severity, faulty_samples
from bench.archives.check.images import SIDE, State
from bench.data.images import Pixels
from bench.data.layouts import Manifest
from bench.data.leakage import WORTH_SAYING, advise_split, expected_share, spread_runs
from bench.data.similarity import near_pairs

SAME_PLACE = 0.02  # of the side, between the centres of what changed
SAME_AREA = 0.02  # of the image, between the areas of what changed
MAX_BLOCKS = 50  # of a million near pairs: an archive of one image would have no end of them
UNREAD: Pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
"""What is hashed in place of an image that cannot be read."""


def image_of_change(change: Change) -> Pixels:
    """What was added to a sample's background, (SIDE, SIDE, 3), to be hashed.

    Of the composite itself the background would decide, which many samples share.
    """
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


def repeated_entries(layouts: Sequence[Manifest]) -> list[Finding]:
    """Names that one zip holds more than once."""
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
            "repeated entry",
            Severity.WARNING,
            tuple(sorted(names)),
            "a zip holds entries of one name, as when a program that appends is run again; the "
            "last one is read: make the archive anew if the earlier ones are the right ones",
        )
    ]


def judge(table: pd.DataFrame) -> list[Finding]:
    """Composites and backgrounds that an archive holds more than once."""
    composites = table[table["composite_state"] == State.READ]
    again = composites["composite_content"].duplicated()
    findings = [
        faulty_samples(
            "repeated composite",
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
    samples = samples[(samples["change_share"] > 0) & ~other]
    backgrounds = samples["background_content"].to_numpy()
    place = samples[["change_row", "change_column"]].to_numpy(dtype=float)
    area = samples["change_share"].to_numpy(dtype=float)
    alike = np.zeros(len(samples), np.bool_)
    pairs = near_pairs(samples["change_hash"].to_numpy(dtype=np.uint64))
    for block in itertools.islice(pairs, MAX_BLOCKS):
        first, second = block.T
        same = backgrounds[first] == backgrounds[second]
        same &= np.abs(place[first] - place[second]).max(axis=1) <= SAME_PLACE
        same &= np.abs(area[first] - area[second]) <= SAME_AREA
        alike[block[same].ravel()] = True
    return Finding(
        "look alike",
        Severity.NOTE,
        tuple(samples.loc[alike, "key"]),
        "another sample has the same background and looks the same, as neighbours in a film do: "
        "split by a group they share (`split: {by: ...}`), so that no subset knows another's",
    )


def judge_near_duplicates(table: pd.DataFrame, samples: pd.DataFrame) -> list[Finding]:
    """Composites that look alike on different backgrounds, as a film's frames do.

    Of a large archive some runs of neighbouring samples are looked at, as neighbours are alike.

    Args:
        table: see `measuring.measure`.
        samples: (N,) rows as the table has them: ``key`` and the columns that can group a split.
    """
    rows = np.concatenate(spread_runs(len(table)))
    rows = rows[(table["composite_state"] == State.READ).to_numpy()[rows]]
    table, samples = table.iloc[rows], samples.iloc[rows]
    with_background = (table["background_state"] == State.READ).any()
    pairs = np.concatenate(
        [
            np.empty((0, 2), np.int64),
            *near_pairs(
                table["composite_hash"].to_numpy(),
                groups=pd.factorize(table["background_content"])[0] if with_background else None,
            ),
        ]
    )
    if not len(pairs):
        return []
    partners = np.bincount(pairs.ravel(), minlength=len(table))
    share = expected_share(partners)
    return [
        Finding(
            "near-duplicate composites",
            Severity.WARNING if share >= WORTH_SAYING else Severity.NOTE,
            tuple(table.loc[partners > 0, "key"]),
            f"a split by sample, the default, trains on a near-duplicate of {share:.0%} of the "
            f"test samples; {advise_split(samples, pairs)}",
        )
    ]


def _backgrounds(table: pd.DataFrame) -> Finding:
    """One background under several names is in two subsets of a split by background."""
    read = table[table["background_state"] == State.READ].drop_duplicates("background_entry")
    twice = read["background_content"].duplicated(keep=False)
    return Finding(
        "repeated background",
        Severity.NOTE,
        tuple(read.loc[twice, "background"]),
        "one image under several names: a split by background takes them for different ones",
    )
