"""What a leaderboard says, in sentences that its intervals support."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from bench.report.analysis import Analysis
from bench.report.cell_texts import figure
from bench.report.columns import Column
from bench.report.factorial import factorial
from bench.report.leaderboard import Leaderboard
from bench.report.sources import share_text
from bench.report.unranked import why_unranked
from bench.statistics.power import needed

MOST_NAMED = 4
ONE_SEED = (
    "Each row is a single seed, so that nothing can be said of a recipe and no row is ranked; "
    "three seeds or more would tell."
)


def answer(board: Leaderboard) -> list[str]:
    """Return at most three sentences: who leads, what it depends on, and what is left open."""
    main = [(column, found) for column in board.columns if (found := board.analysis(column))]
    ranked = [(column, found) for column, found in main if found.ranking.ranked.any()]
    if main and not ranked:
        if all(row.seeds <= 1 for row in board.rows):
            return [ONE_SEED]
        column = main[0][0]
        return [f"No row is ranked by {column.name}: {why_unranked(board, column)}."]
    if not ranked:
        return []
    sentences = [_leaders(board, ranked)]
    column, found = ranked[0]
    sentences += _sources(board, column, found)
    sentences += _left_open(board, column, found)
    return sentences


def _leaders(board: Leaderboard, ranked: list[tuple[Column, Analysis]]) -> str:
    parts = []
    for column, found in ranked[:2]:
        names = [_with_figure(board, column, found, place) for place in _best_first(found)]
        rows = int(found.ranking.ranked.sum())
        of_ranked = f" of the {rows} ranked rows" if rows < len(board.rows) else ""
        if rows == 1:
            parts.append(f"{names[0]} alone is ranked in {column.name}")
        elif len(names) == 1:
            parts.append(f"{names[0]} has the best {column.name}{of_ranked}")
        elif len(names) <= MOST_NAMED:
            listed = f"{', '.join(names[:-1])} and {names[-1]}"
            parts.append(f"{listed} lead in {column.name}{of_ranked} and cannot be told apart")
        else:
            parts.append(
                f"{len(names)} of {rows} ranked rows lead in {column.name} and cannot be told "
                f"apart, {names[0]} among them"
            )
    return f"{'; '.join(parts)} ({_seeds_and_images([found for _, found in ranked[:2]])})."


def _with_figure(board: Leaderboard, column: Column, found: Analysis, place: int) -> str:
    """A row's name, and its figure as the table has it."""
    row = board.rows[found.rows[place]]
    return f"{_name(board, found, place)} ({figure(row, column)})"


def _seeds_and_images(analyses: Sequence[Analysis]) -> str:
    seeds = {int(n) for one in analyses for n in one.panel.seed_counts[one.ranking.ranked]}
    images = {one.panel.images for one in analyses}
    return f"{_span(seeds)} seeds, {_span(images)} images"


def _span(counts: Collection[int]) -> str:
    least, most = min(counts), max(counts)
    return f"{least}" if least == most else f"{least} to {most}"


def _sources(board: Leaderboard, column: Column, found: Analysis) -> list[str]:
    """Which of architecture and loss explains more, if their intervals do not overlap."""
    cross = factorial(board, found)
    if cross is None:
        return []
    shares = cross.shares_of_a_run()
    by_share = sorted(("architecture", "loss"), key=lambda source: -shares[source].estimate)
    first, second = (shares[source] for source in by_share)
    more = (
        f"the {by_share[0]} matters more"
        if first.low > second.high
        else "which of the two matters more is open"
    )
    sentence = (
        f"The {by_share[0]} explains {share_text(first)} of how the {column.name} of runs differs, "
        f"the {by_share[1]} {share_text(second)}: {more}."
    )
    return [sentence]


def _left_open(board: Leaderboard, column: Column, found: Analysis) -> list[str]:
    """What it would take to tell the first two rows apart, if they cannot be."""
    best = _best_first(found)
    if len(best) == 1:
        return []
    first, second = best[:2]
    if (found.seeds.freedom[[first, second]] == 0).any():
        return []
    low, high = needed(
        found.panel, first, second, seeds=found.seeds, level=found.level_of_a_pair
    ).seeds
    names = f"{_name(board, found, first)} from {_name(board, found, second)}"
    if low is None:
        return [f"Not even a thousand seeds would tell {names} on these images."]
    seeds = f"{low} seeds or more" if high is None else f"{low} to {high} seeds"
    if low == high:
        seeds = f"{low} seeds"
    return [f"If the difference in {column.name} is as it seems, {seeds} a row would tell {names}."]


def _best_first(found: Analysis) -> list[int]:
    """The places, in the panel, of the rows that none is certainly better than."""
    places = np.flatnonzero(found.ranking.in_best_set)
    goodness = found.sign * found.panel.means[places]
    return [int(place) for place in places[np.argsort(-goodness, kind="stable")]]


def _name(board: Leaderboard, found: Analysis, place: int) -> str:
    row = board.rows[found.rows[place]]
    return f"{row.architecture} with {row.loss}"
