"""Two studies side by side: cells, settings, circumstances, scores, speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.errors import InputError, suggestion
from bench.report.columns import Column
from bench.report.differing import DEFAULT, circumstances, differing, settings
from bench.report.leaderboard import leaderboards
from bench.report.row import Row
from bench.report.studies.gate import Change
from bench.report.studies.match import BoardPair, match
from bench.report.studies.scores import ScoreChange, Studies, score_changes
from bench.report.studies.speeds import SPEED_COLUMNS, SpeedChange, speed_changes
from bench.study.record import Record

NONE = "—"
Facts = list[tuple[str, str, str]]


@dataclass(frozen=True, eq=False)
class BoardComparison:
    """A board of study A beside that of study B.

    Attributes:
        pair: the boards.
        settings: that differ: name, in A, in B.
        circumstances: likewise, of shared rows: what the settings led to, and where the cells ran.
        columns: the metrics that are compared.
        scores: the changes, by metric.
        speeds: the changes, by the column; only of those that a study has figures of.
    """

    pair: BoardPair
    settings: Facts
    circumstances: Facts
    columns: tuple[Column, ...]
    scores: dict[str, list[ScoreChange]]
    speeds: dict[str, list[SpeedChange]]

    @property
    def has_shared_rows(self) -> bool:
        """Whether a row has complete cells in both."""
        return bool(_shared(self.pair))


def compare_studies(studies: Studies, metrics: Sequence[str] = ()) -> list[BoardComparison]:
    """Compare each board of study A with that of study B.

    Args:
        studies: A and B.
        metrics: which; by default all that both boards show and that have a value an image.

    Raises:
        InputError: no grid of A can be read, or there is no such metric.
    """
    boards, others = (leaderboards(study) for study in studies)
    if not boards:
        raise InputError(f"{studies[0].folder}: no grid of the study can be read")
    pairs = match(boards, others)
    known = dict.fromkeys(column.key for pair in pairs for column in _columns(pair))
    for name in metrics:
        if name not in known:
            raise InputError(f"{name}: the studies share no such metric{suggestion(name, known)}")
    return [_comparison(pair, studies, metrics) for pair in pairs]


def changes_of(compared: Sequence[BoardComparison], metric: str) -> list[Change]:
    """Return the changes of all rows by a metric, or a speed."""
    found: list[Change] = []
    for one in compared:
        found += one.scores.get(metric, [])
        found += one.speeds.get(metric, [])
    return found


def metrics_of(compared: Sequence[BoardComparison]) -> list[str]:
    """Return the metrics that are compared."""
    return list(dict.fromkeys(column.key for one in compared for column in one.columns))


def cells_apart(studies: Studies) -> tuple[int, list[str], list[str]]:
    """Return how many complete trained cells both have, and the labels of those that one has."""
    one, other = (
        {
            cell_id: record.cell.label
            for cell_id, record in study.records.items()
            if record.summary is not None and record.cell.loss is not None
        }
        for study in studies
    )
    return (
        len(one.keys() & other.keys()),
        [label for cell_id, label in one.items() if cell_id not in other],
        [label for cell_id, label in other.items() if cell_id not in one],
    )


def _comparison(pair: BoardPair, studies: Studies, metrics: Sequence[str]) -> BoardComparison:
    columns = [column for column in _columns(pair) if not metrics or column.key in metrics]
    speeds = {column.key: speed_changes(pair, column) for column in SPEED_COLUMNS}
    shared = _shared(pair)
    ran = [record for row, _ in shared for record in row.records]
    ran_in_b = [record for _, row in shared for record in row.records]
    all_of_b = pair.other.records if pair.other else ()
    return BoardComparison(
        pair=pair,
        settings=_facts(pair.one.records, all_of_b, settings, DEFAULT),
        circumstances=_facts(ran, ran_in_b, circumstances, NONE),
        columns=tuple(columns),
        scores=score_changes(pair, studies, columns),
        speeds={key: changes for key, changes in speeds.items() if changes},
    )


def _columns(pair: BoardPair) -> list[Column]:
    """The metrics that both boards show and that have a value an image."""
    shown = pair.other.columns if pair.other else pair.one.columns
    keys = {column.key for column in shown}
    return [c for c in pair.one.columns if c.is_score and not c.is_pooled and c.key in keys]


def _shared(pair: BoardPair) -> list[tuple[Row, Row]]:
    """The rows that have complete cells in both."""
    return [(row, other) for row, other in pair.rows if other and row.records and other.records]


def _facts(
    one: Sequence[Record],
    other: Sequence[Record],
    of: Callable[[Record], Mapping[str, str]],
    absent: str,
) -> Facts:
    return differing(map(of, one), map(of, other), absent) if one and other else []
