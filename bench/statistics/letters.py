"""Letters that say which rows cannot be told apart."""

from __future__ import annotations

import string
from collections.abc import Iterator
from itertools import islice

import numpy as np

from bench.statistics.arrays import Flags

MOST = 200  # letters of a comparison; more would fill pages, and may be too many to be found


def compact_letters(better: Flags, order: list[int]) -> tuple[str, ...]:
    """Return letters such that two rows share one if and only if neither is better (Piepho 2004).

    Each letter is a set of rows of which none is better than another, and to which no row can be
    added.

    Args:
        better: (C, C) whether row j is better than row k.
        order: the rows that get letters, the best first; the letters follow it.

    Returns:
        The letters of each of the C rows; none at all where more than 200 are needed.
    """
    told_apart = (better | better.T)[np.ix_(order, order)]
    sets = sorted(islice(_largest_sets(~told_apart), MOST + 1))
    letters = [""] * len(better)
    if len(sets) <= MOST:
        for number, members in enumerate(sets):
            for place in members:
                letters[order[place]] += _letter(number)
    return tuple(letters)


def _largest_sets(alike: Flags) -> Iterator[list[int]]:
    """The largest sets of which all are alike, with their members in order.

    The maximal cliques of a graph (Bron and Kerbosch 1973, with the pivot of Tomita et al. 2006);
    sets of rows are the bits of whole numbers.
    """
    rows = [sum(1 << int(other) for other in np.flatnonzero(row)) for row in alike]
    neighbours = [row & ~(1 << place) for place, row in enumerate(rows)]
    left = [(0, (1 << len(rows)) - 1, 0)] if rows else []
    while left:
        chosen, candidates, done = left.pop()
        if not candidates and not done:
            yield list(_bits(chosen))
        if not candidates:
            continue
        pivot = max(
            _bits(candidates | done), key=lambda n: (candidates & neighbours[n]).bit_count()
        )
        for place in _bits(candidates & ~neighbours[pivot]):
            bit, beside = 1 << place, neighbours[place]
            left.append((chosen | bit, candidates & beside, done & beside))
            candidates, done = candidates & ~bit, done | bit


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _letter(number: int) -> str:
    """Return a to z, then a1 to z1, a2, ..."""
    again, letter = divmod(number, len(string.ascii_lowercase))
    return string.ascii_lowercase[letter] + (str(again) if again else "")
