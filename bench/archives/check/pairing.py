"""Whether a composite stands on its background, on another one, or on the mirror image of its own.

A composite and a background are compared at 16 x 16 grey values, where the mask leaves them free,
by the share of the composite's variance that the background does not explain. Neither exposure nor
contrast changes that share. Only a composite that its own background leaves largely unexplained is
compared with all the others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.archives.check.difference import Selection
from bench.archives.check.finding import Finding, Severity, faulty_samples
from bench.archives.check.images import SIDE
from bench.data.images import Pixels

Values = npt.NDArray[np.float32]

CELLS = 16  # a side
MIN_CELLS = 32  # free ones; fewer fit much by chance
SUSPECT = 0.1
"""The least unexplained share at which another background is looked for. Two photographs of one
room, minutes apart, leave up to 0.09."""
FITS = 0.3
"""The largest unexplained share of a background that fits. Of other scenes it is above 0.4."""
CLEARLY = 0.4
"""Of the unexplained share of the own background: another one that leaves no more fits clearly
better."""
MAX_COMPARED = 4096
"""Backgrounds that a suspect is compared with; of more, as many are drawn evenly."""


UNREAD: Values = np.full((CELLS, CELLS), np.nan, np.float32)
"""The thumbnail of an image that cannot be read."""


class Fits(NamedTuple):
    """Of each sample the unexplained shares in [0, 1], NaN where they are not known.

    Attributes:
        own: by its own background.
        mirrored: by the mirror image of that.
        best: by the best of all.
        best_row: which that is, -1 where it was not looked for.
    """

    own: Values
    mirrored: Values
    best: Values
    best_row: npt.NDArray[np.int64]


def thumbnail(pixels: Pixels) -> Values:
    """(SIDE, SIDE, 3) to (CELLS, CELLS) grey means."""
    cell = SIDE // CELLS
    grey: Values = pixels.reshape(CELLS, cell, CELLS, cell * 3).mean((1, 3), dtype=np.float32)
    return grey


def free_cells(mask: Selection | None) -> Selection:
    """(CELLS, CELLS) the cells in which no pixel of the (SIDE, SIDE) mask is object."""
    if mask is None:
        return np.ones((CELLS, CELLS), np.bool_)
    cell = SIDE // CELLS
    return np.asarray(~mask.reshape(CELLS, cell, CELLS, cell).max(axis=(1, 3)))


def compare(
    composites: Values, free: Selection, backgrounds: Values, own: npt.NDArray[np.int64]
) -> Fits:
    """How well backgrounds explain composites.

    Args:
        composites: (N, CELLS, CELLS) thumbnails.
        free: (N, CELLS, CELLS), see `free_cells`.
        backgrounds: (K, CELLS, CELLS) thumbnails, NaN where one cannot be read.
        own: (N,) the row of each composite's background.
    """
    enough = free.sum(axis=(1, 2), keepdims=True) >= MIN_CELLS
    own_thumbnails = np.where(enough, backgrounds[own], np.nan)
    fits = Fits(
        own=_unexplained(composites, free, own_thumbnails),
        mirrored=_unexplained(composites, free, own_thumbnails[:, :, ::-1]),
        best=np.full(len(own), np.nan, np.float32),
        best_row=np.full(len(own), -1),
    )
    suspects = np.flatnonzero(fits.own > SUSPECT)
    if len(suspects):
        stride = -(-len(backgrounds) // MAX_COMPARED)
        shares = _unexplained_by_all(composites[suspects], free[suspects], backgrounds[::stride])
        best = shares.argmin(axis=1)
        fits.best[suspects] = shares[np.arange(len(suspects)), best]
        fits.best_row[suspects] = best * stride
    return fits


def _unexplained(composites: Values, free: Selection, backgrounds: Values) -> Values:
    """1 - r² of N pairs, with a correlation r that is not positive taken for 0."""
    count = free.sum(axis=(1, 2), keepdims=True).clip(1)

    def centred(values: Values) -> Values:
        mean = (values * free).sum(axis=(1, 2), keepdims=True) / count
        return np.where(free, values - mean, np.float32(0))

    x, y = centred(backgrounds), centred(composites)
    return _share(
        (x * y).sum(axis=(1, 2)), np.square(x).sum(axis=(1, 2)), np.square(y).sum(axis=(1, 2))
    )


def _unexplained_by_all(composites: Values, free: Selection, backgrounds: Values) -> Values:
    """1 - r² of N composites and K backgrounds, (N, K), infinite where one cannot be read."""
    weights = free.reshape(len(free), -1).astype(np.float64)
    x = backgrounds.reshape(len(backgrounds), -1).astype(np.float64)
    unread = np.isnan(x.sum(axis=1))
    x = np.where(unread[:, None], 0, x)
    count = weights.sum(axis=1, keepdims=True)
    y = composites.reshape(len(composites), -1) * weights
    y = weights * (y - y.sum(axis=1, keepdims=True) / count)
    total = weights @ x.T
    shares = _share(
        y @ x.T,
        (weights @ np.square(x).T - np.square(total) / count).clip(0),
        np.square(y).sum(axis=1, keepdims=True),
    )
    shares[:, unread] = np.inf
    return shares


def _share(covariance: Values, variance: Values, other_variance: Values) -> Values:
    least = np.float32(1e-3)  # a plain surface explains nothing
    correlation = covariance / np.sqrt(np.maximum(variance * other_variance, least))
    unexplained: Values = 1 - np.square(correlation.clip(0, 1))
    return unexplained.astype(np.float32)


def is_mirrored(table: pd.DataFrame) -> pd.Series[bool]:
    """Whose background fits clearly better when it is mirrored."""
    return (table["fit_own"] > SUSPECT) & (table["fit_mirrored"] <= _bound(table))


def is_wrong(table: pd.DataFrame) -> pd.Series[bool]:
    """Whose composite fits another background of the archive clearly better than its own."""
    return table["fit_best"] <= _bound(table)


def _bound(table: pd.DataFrame) -> pd.Series[float]:
    return (CLEARLY * table["fit_own"]).clip(upper=FITS)


def judge(table: pd.DataFrame) -> list[Finding]:
    """Samples whose background is another one, or is mirrored."""
    mirrored = is_mirrored(table)
    wrong = is_wrong(table) & ~mirrored
    examples = table.loc[wrong, ["key", "background", "fit_best_background"]].head(1)
    example = "".join(
        f" ({row.key} says {row.background} and fits {row.fit_best_background})"
        for row in examples.itertuples()
    )
    findings = [
        faulty_samples(
            "wrong background",
            Severity.WARNING,
            table.loc[wrong, "key"],
            f"outside of its mask the composite fits another background clearly better{example}: "
            "mend the list of samples, or look whether --layout reads the names rightly",
        ),
        faulty_samples(
            "mirrored background",
            Severity.WARNING,
            table.loc[mirrored, "key"],
            "outside of its mask the composite fits the mirror image of its background clearly "
            "better: mirror the backgrounds of these samples, or leave the samples out",
        ),
    ]
    return [finding for finding in findings if finding.subjects]
