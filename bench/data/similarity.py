"""Which images look alike: a 64-bit hash of each, and which hashes differ in few bits.

Hashes are compared without looking at every pair. Two hashes that differ in at most d bits agree in
one whole band, if their bits are dealt out to d + 1 bands; so only images that agree in a band
are compared. Memory is bounded whatever the hashes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from bench.data.dataset import Images

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

BITS = 64
NEAR_BITS = 4
"""Hashes that differ in at most so many bits are taken for near-duplicates: copies that were
rescaled, compressed again or brightened, as a rule, and hardly ever other scenes."""
_ROWS, _COLUMNS = 8, 9
_LUMA = np.array([299.0, 587.0, 114.0])  # parts in a thousand, ITU-R BT.601
_CHUNK = 32  # images hashed at a time: they stay in the processor's cache
_CANDIDATES = 1 << 20  # pairs compared at a time


def dhash(images: Images) -> Hashes:
    """The difference hash of each image (Krawetz 2013, "Kind of Like That").

    An image is reduced to 9 x 8 grey values, each the mean of what it covers, rounded. A bit is
    set where a value is brighter than the one on its left; the top left bit is the highest. Like
    images differ in few bits, whatever their size, brightness and contrast.

    Source: https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html

    Args:
        images: (N, H, W, 3) uint8; read piece by piece.

    Returns:
        (N,) one hash an image.
    """
    count, height, width, _ = images.shape
    rows, columns = _areas(height, _ROWS), _areas(width, _COLUMNS).T
    hashes = np.empty(count, np.uint64)
    for start in range(0, count, _CHUNK):
        piece = slice(start, min(start + _CHUNK, count))
        # Whole numbers up to here: equal greys stay equal, so a plain surface sets no bit.
        total = rows @ (images[piece] @ _LUMA) @ columns
        grey = np.rint(total / (1000 * height * width))
        brighter = grey[:, :, 1:] > grey[:, :, :-1]
        packed = np.packbits(brighter.reshape(len(grey), BITS), axis=1)
        hashes[piece] = packed.view(">u8")[:, 0]
    return hashes


def _areas(length: int, parts: int) -> npt.NDArray[np.float64]:
    """(parts, length) how much of each pixel lies in each of so many equal parts of a line.

    In units of 1 / parts of a pixel, so that all are whole numbers; each part's sum is ``length``.
    """
    part = np.arange(parts)[:, None] * length
    pixel = np.arange(length)[None, :] * parts
    overlap = np.minimum(part + length, pixel + parts) - np.maximum(part, pixel)
    return overlap.clip(min=0).astype(np.float64)


def near_pairs(
    hashes: Hashes, distance: int = NEAR_BITS, *, groups: Rows | None = None
) -> Iterator[Rows]:
    """All pairs of hashes that differ in at most ``distance`` bits, each pair once.

    N equal images make N (N - 1) / 2 pairs: take what is wanted of the blocks and stop, or ask
    `has_near`, which counts images.

    Args:
        hashes: (N,).
        distance: in [0, 63].
        groups: (N,) numbers; two hashes of one group make no pair. By default all do.

    Yields:
        (P, 2) the rows of P pairs, the lower row first; blocks of at most a million pairs, in a
        fixed order.
    """
    bands = _bands(distance)
    groups = np.arange(len(hashes)) if groups is None else groups
    for number, band in enumerate(bands):
        order = np.lexsort((groups, hashes & band))
        key, group = hashes[order] & band, groups[order]
        stop = np.searchsorted(key, key, side="right")
        # Behind the last one that agrees in the band and is of the same group.
        ends = np.flatnonzero((key[1:] != key[:-1]) | (group[1:] != group[:-1])) + 1
        start = np.append(ends, len(key))[np.searchsorted(ends, np.arange(len(key)), side="right")]
        for place, partner in _ranges(start, stop):
            first, second = order[place], order[partner]
            differing = hashes[first] ^ hashes[second]
            near = np.bitwise_count(differing) <= distance
            for earlier in bands[:number]:  # a pair that agrees there was found there
                near &= (differing & earlier) != 0
            pairs = np.column_stack([first[near], second[near]])
            if len(pairs):
                yield np.sort(pairs, axis=1)


def has_near(
    hashes: Hashes, references: Hashes, distance: int = NEAR_BITS
) -> npt.NDArray[np.bool_]:
    """Whether any of the references differs from a hash in at most ``distance`` bits.

    Args:
        hashes: (N,).
        references: (M,).
        distance: in [0, 63].

    Returns:
        (N,) for each hash.
    """
    wanted, place = np.unique(hashes, return_inverse=True)
    references = np.unique(references)
    found = np.isin(wanted, references)
    for band in _bands(distance):
        by_band = references[np.argsort(references & band)]
        key = by_band & band
        rows = np.flatnonzero(~found)
        start = np.searchsorted(key, wanted[rows] & band, side="left")
        stop = np.searchsorted(key, wanted[rows] & band, side="right")
        step = 16
        while len(rows):  # longer and longer steps: where much is alike, a few tell already
            reached = np.minimum(start + step, stop)
            for row, partner in _ranges(start, reached):
                differing = wanted[rows[row]] ^ by_band[partner]
                found[rows[row[np.bitwise_count(differing) <= distance]]] = True
            left = ~found[rows] & (reached < stop)
            rows, start, stop = rows[left], reached[left], stop[left]
            step *= 4
    return found[place]


def _bands(distance: int) -> list[np.uint64]:
    """The bits, dealt out to one band more than may differ.

    Neighbouring bits, which tell of neighbouring places and so go together, fall into different
    bands: this way a band tells more.
    """
    count = distance + 1
    return [np.uint64(sum(1 << bit for bit in range(first, BITS, count))) for first in range(count)]


def _ranges(start: Rows, stop: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Every row with every number of its range, in pieces of bounded size.

    Args:
        start: (N,) where each range begins.
        stop: (N,) where it ends, not included; not below its start.

    Yields:
        (C,) rows and (C,) numbers.
    """
    ends = np.cumsum(stop - start)
    for begin in range(0, ends[-1] if len(ends) else 0, _CANDIDATES):
        flat = np.arange(begin, min(begin + _CANDIDATES, ends[-1]))
        row = np.searchsorted(ends, flat, side="right")
        yield row, flat - ends[row] + stop[row]
