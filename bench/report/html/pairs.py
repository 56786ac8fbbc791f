"""What the page says of any two rows: the comparisons of `bench compare`, made beforehand."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from bench.errors import InputError
from bench.report.compare import Comparison, compare, notes_on, percent
from bench.report.leaderboard import Leaderboard
from bench.statistics.practical import Verdict

MOST_ROWS = 40  # of which pairs are made: 780 pairs, some 150 kB
OPPOSITE = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}


def pairs(board: Leaderboard) -> dict[str, Any]:
    """Return how each of the first rows compares with each other one, as JSON for the page.

    Returns:
        ``rows``: their names; ``notes``: all that some pair has; ``pairs``: for ``"i j"``, with
        i < j, why the two cannot be compared, or ``notes``: the places of its own, and ``metrics``,
        of each: its name, A's and B's mean, the sign of A - B, its size with half of its 95 %
        interval, with which probability A and B are better, and what A and B are.
    """
    rows = board.rows[:MOST_ROWS]
    names = [f"{row.architecture}/{row.loss}" for row in rows]
    notes: dict[str, int] = {}
    found: dict[str, Any] = {}
    for one, other in combinations(range(len(rows)), 2):
        try:
            compared = compare([board], names[one], names[other])
        except InputError as error:
            found[f"{one} {other}"] = str(error)
            continue
        found[f"{one} {other}"] = {
            "metrics": [_in_words(comparison) for comparison in compared],
            "notes": [notes.setdefault(note, len(notes)) for note in notes_on(compared)],
        }
    return {"rows": [row.title for row in rows], "notes": list(notes), "pairs": found}


def _in_words(one: Comparison) -> list[str]:
    d = one.decimals
    verdict = one.verdict
    sign, size = f"{one.difference.estimate:+.{d}f}"[0], f"{abs(one.difference.estimate):.{d}f}"
    return [
        one.name,
        *(f"{mean:.{d}f}" for mean in one.means),
        sign,
        f"{size} ± {one.difference.half_width:.{d}f}",
        percent(one.better),
        percent(1 - one.better),
        one.said(verdict),
        one.said(OPPOSITE.get(verdict, verdict)),
    ]
