"""How far each row's scores in study B are from those in study A, and how certain that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.errors import InputError
from bench.report.columns import Column, score_columns
from bench.report.differing import SHOWN_DIGITS
from bench.report.leaderboard import Leaderboard
from bench.report.marks import ONE_SEED
from bench.report.row import Row
from bench.report.studies.match import BoardPair
from bench.report.studies.seeds import Beside, BySeed, stand_beside
from bench.statistics.arrays import Flags
from bench.statistics.intervals import Interval, contrast, independent_difference
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.ranks import LEAST_BORROWED
from bench.statistics.shared_variances import shared_variances
from bench.study.cell_scores import read
from bench.study.comparison import groups_kept_apart, panel_of
from bench.study.results import Results

ERROR = 0.05  # the probability that any interval of a metric misses the truth
Studies = tuple[Results, Results]


@dataclass(frozen=True)
class ScoreChange:
    """How far a row's score in study B is from that in study A.

    Attributes:
        title: the row.
        seeds: how many runs of A and of B are compared.
        means: of A and of B, over these.
        difference: B - A; None where there is none.
        pairing: how the values are set side by side.
        problem: what B lacks, or why the two cannot be compared; a gate does not pass it.
        note: what else has to be known.
        decimals: of the metric.
    """

    title: str
    seeds: tuple[int, int] = (0, 0)
    means: tuple[float, float] | None = None
    difference: Interval | None = None
    pairing: str = ""
    problem: str = ""
    note: str = ""
    decimals: int = 3

    @property
    def span(self) -> tuple[float, float] | None:
        """Where B - A lies."""
        return None if self.difference is None else (self.difference.low, self.difference.high)

    @property
    def shown(self) -> str:
        """B - A with half of its interval's width."""
        found, d = self.difference, self.decimals
        if found is None:
            return ""
        mark = f" {ONE_SEED}" if found.of_checkpoint else ""
        return f"{found.estimate:+.{d}f} ± {found.half_width:.{d}f}{mark}"


@dataclass(frozen=True, eq=False)
class _Draft:
    """A change, and the values that its interval comes from.

    Attributes:
        panels: one row of differences, where runs are paired by seed; one of A and B, where images
            are the same; else two, of A and of B; none where nothing can be compared.
        learnt: whether the runs depend on what they see.
    """

    change: ScoreChange
    panels: tuple[Panel, ...] = ()
    learnt: bool = True

    @property
    def is_equal(self) -> bool:
        """Whether runs that are paired by seed have the same values to the last digit."""
        return [len(panel.rows) for panel in self.panels] == [1] and not self.panels[0].rows[
            0
        ].any()


def score_changes(
    pair: BoardPair, studies: Studies, columns: Sequence[Column]
) -> dict[str, list[ScoreChange]]:
    """Compare the rows of two boards.

    All intervals of a metric hold at once with 95 % (Bonferroni). Where at least three rows have
    several seeds, the others tell of each row's variance between seeds, too, as in a ranking.

    Args:
        pair: the boards.
        studies: A and B, to read the values of images from.
        columns: of metrics that have a value an image.

    Returns:
        The changes by metric, in the order of A's rows; of rows that have the metric.
    """
    names = [column.key for column in columns]
    rows = [
        ((row, other), (_read(row, studies[0], names), _read(other, studies[1], names)))
        for row, other in pair.rows
    ]
    found = {}
    for column in columns:
        drafts = [_draft(pair, column, *each) for each in rows]
        why = _other_formula(column.key, studies)
        if why is not None:
            drafts = [d and _Draft(replace(d.change, problem=why)) for d in drafts]
        found[column.key] = _with_intervals([draft for draft in drafts if draft is not None])
    return found


def _other_formula(metric: str, studies: Studies) -> str | None:
    """Why the figures of two studies are not those of one metric, if they are not."""
    known = [of.contracts()[metric] for of in studies if metric in of.contracts()]
    versions = dict.fromkeys(contract.version for contract in known)
    if len(versions) > 1:
        return f"the metric is of version {' in A, of '.join(map(str, versions))} in B"
    # Nobody asks the author of mine.py:metric to raise its version, so that the code has to tell.
    sources = dict.fromkeys(contract.source_sha256[:SHOWN_DIGITS] for contract in known)
    if ":" in metric and len(sources) > 1:
        return (
            f"the metric's code is {' in A, '.join(sources)} in B; bench rescore computes the "
            "figures of one study with the code of the other"
        )
    return None


def _read(row: Row | None, results: Results, names: Sequence[str]) -> BySeed:
    """What the runs of a row say, by those metrics whose figures are of the grid's version."""
    columns, found = score_columns(names, results.contracts()), {}
    for record in row.records if row else ():
        current = [column.key for column in columns if column.read(record, ()) is not None]
        scores = read(results, record, current)
        if scores is not None:
            found[record.cell.seed] = scores
    return found


def _draft(
    pair: BoardPair, column: Column, rows: tuple[Row, Row | None], runs: tuple[BySeed, BySeed]
) -> _Draft | None:
    """What is compared of a row by a metric; None where neither study has it."""
    row, other = rows
    change = ScoreChange(row.title, decimals=column.decimals)
    ours, theirs = (
        {seed: run for seed, run in side.items() if column.key in run.values} for side in runs
    )
    if not ours:
        return _Draft(replace(change, note="A has no figure")) if theirs else None
    if other is None or pair.other is None:
        return _Draft(replace(change, problem="B has no such row"))
    if not theirs:
        return _Draft(replace(change, problem="; ".join(("B has no figure", *other.remarks))))
    beside = stand_beside(ours, theirs, column.task, _asked(other, pair.other))
    change = replace(
        change,
        seeds=(len(beside.one), len(beside.other)),
        pairing=beside.pairing,
        problem="; ".join(beside.problems),
        note="; ".join(beside.notes),
    )
    try:
        means, panels = _values(beside, column.key, (pair.one, pair.other))
    except InputError as error:
        return _Draft(replace(change, problem="; ".join((*beside.problems, str(error)))))
    return _Draft(replace(change, means=means), panels, beside.learnt)


def _asked(row: Row, board: Leaderboard) -> set[int]:
    """The seeds that a row was to have: all, but those that a race has spared."""
    spared = {one.cell.id for race in board.races if race.was_run for one in race.spared()}
    return {cell.seed for cell in row.cells if cell.id not in spared}


def _values(
    beside: Beside, metric: str, boards: tuple[Leaderboard, Leaderboard]
) -> tuple[tuple[float, float], tuple[Panel, ...]]:
    """The means of A and B, and the panels of a draft."""
    sides = list(beside.one.values()), list(beside.other.values())
    groups = [groups_kept_apart(b.grid.data.split, b.leakage, b.images) for b in boards]
    if beside.is_by_image:
        both = panel_of(metric, sides, groups[0])
        apart = Panel([both.rows[1] - both.rows[0]], both.groups) if beside.is_by_seed else both
        return (float(both.means[0]), float(both.means[1])), (apart,)
    one, other = (panel_of(metric, [side], of) for side, of in zip(sides, groups, strict=True))
    return (float(one.means[0]), float(other.means[0])), (one, other)


def _with_intervals(drafts: Sequence[_Draft]) -> list[ScoreChange]:
    """The changes of a metric, with intervals that hold at once."""
    panels = [panel for draft in drafts for panel in draft.panels]
    if not panels:
        return [draft.change for draft in drafts]
    learnt = [draft.learnt for draft in drafts for panel in draft.panels for _ in panel.rows]
    equal = [draft.is_equal for draft in drafts for panel in draft.panels for _ in panel.rows]
    seeds = iter(_moderated(panels, np.array(learnt), np.array(equal)))
    level = 1 - ERROR / sum(bool(draft.panels) for draft in drafts)
    return [
        replace(
            draft.change, difference=_difference(draft, [next(seeds) for _ in draft.panels], level)
        )
        if draft.panels
        else draft.change
        for draft in drafts
    ]


def _moderated(panels: Sequence[Panel], learnt: Flags, equal: Flags) -> list[SeedVariances]:
    """The seeds' variances of some panels' rows, each by what the others tell of it, too.

    Rows that are equal to the last digit are not of the others' kind. Trainings that differ at all
    do not agree in every value: these rows ran the same code, which gives a difference of 0 with
    any seed, however much other code changed other rows. So they take no variance from the others;
    and they lend none (`shared_variances` makes its prior of positive variances alone), as a row
    that could not vary would make the others seem better known than they are.
    """
    own = SeedVariances(
        np.concatenate([panel.seeds.variance for panel in panels]),
        np.concatenate([panel.seeds.freedom for panel in panels]),
    )
    shared = shared_variances(own, learnt)
    known = ((own.freedom > 0) | (shared.freedom >= LEAST_BORROWED)) & ~equal
    ends = np.cumsum([len(panel.rows) for panel in panels])[:-1]
    return [
        SeedVariances(variance, freedom)
        for variance, freedom in zip(
            np.split(np.where(known, shared.variance, own.variance), ends),
            np.split(np.where(known, shared.freedom, own.freedom), ends),
            strict=True,
        )
    ]


def _difference(draft: _Draft, seeds: Sequence[SeedVariances], level: float) -> Interval:
    """B - A."""
    panels, only = draft.panels, np.ones(1)
    if len(panels) > 1:
        one, other = (contrast(p, only, level, s) for p, s in zip(panels, seeds, strict=True))
        return independent_difference(other, one)
    paired = len(panels[0].rows) == 1
    return contrast(panels[0], only if paired else np.array([-1.0, 1.0]), level, seeds[0])
