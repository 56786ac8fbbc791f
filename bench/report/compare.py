"""How two rows, cells, architectures or losses of a board compare, metric by metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.errors import InputError, suggestion
from bench.report.analysis import ENOUGH_SEEDS, Analysis
from bench.report.differing import differences
from bench.report.leaderboard import Leaderboard
from bench.report.race import ranking_metrics
from bench.report.row import Row, short
from bench.statistics.intervals import Interval, contrast
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.practical import Verdict, verdict

CERTAIN = 0.999
SHORTEST_ID = 4  # letters of a cell's id that say which one is meant
Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Zone:
    """Up to which difference two figures count as equal: in the metric's unit, or a share of B."""

    size: float
    is_share: bool = False


@dataclass(frozen=True)
class Comparison:
    """How A compares with B in one metric.

    Attributes:
        name: the metric's, for readers.
        decimals: of its figures.
        means: of A and B, over their rows.
        difference: A - B.
        better: the probability that A is better, in [0, 1].
        verdict: what A is.
        rows: how many rows stand behind each of the two.
        was_raced: whether a race decided how many seeds they have.
        has_collapsed: whether a seed of these rows predicts the same whatever it sees; such seeds
            count only in a row that has no others.
    """

    name: str
    decimals: int
    means: tuple[float, float]
    difference: Interval
    better: float
    verdict: Verdict
    rows: int
    was_raced: bool
    has_collapsed: bool

    def said(self, verdict: Verdict) -> str:
        """Return a verdict with how the notes begin that belong to it: ``better (collapsed)``."""
        notes = {
            "one seed": self.difference.of_checkpoint,
            "raced": self.was_raced,
            "collapsed": self.has_collapsed,
        }
        words = ", ".join(word for word, applies in notes.items() if applies)
        return f"{verdict} ({words})" if words else str(verdict)


def compare(
    boards: Sequence[Leaderboard],
    first: str,
    second: str,
    metrics: Sequence[str] = (),
    equal: Mapping[str, Zone] | None = None,
) -> list[Comparison]:
    """Compare A with B in each metric that has intervals.

    Args:
        boards: of a study, the latest first; the first that has both is taken.
        first: A: a row, as ``unet/bce``; an architecture or a loss, over all its rows that B stands
            beside; or the beginning of a cell's id.
        second: B, of the same kind.
        metrics: which; by default all that the board shows.
        equal: by metric, up to which difference A and B count as equal; fixed beforehand.

    Raises:
        InputError: A or B is not there, or they are on different boards; the line says how the
            boards differ.
    """
    if first == second:
        raise InputError(f"{first}: give two different things to compare")
    board = _board_of(boards, first, second)
    shown = [c for c in board.columns if c.is_score and (not metrics or c.key in metrics)]
    for name in [*metrics, *(equal or {})]:
        if name not in (known := [c.key for c in board.columns if c.is_score]):
            raise InputError(f"{name}: the board has no such metric{suggestion(name, known)}")
    found = []
    for column in shown:
        analysis = board.analysis(column)
        if analysis is None:
            continue
        panel, seeds, one, other = _sides(board, analysis, first, second)
        difference = contrast(panel, one - other, seeds=seeds)
        zone = (equal or {}).get(column.key, Zone(0.0))
        means = float(one @ panel.means), float(other @ panel.means)
        above = difference.probability_above(0)
        found.append(
            Comparison(
                name=column.name,
                decimals=column.decimals,
                means=means,
                difference=difference,
                better=above if column.higher_is_better else 1 - above,
                verdict=verdict(
                    difference,
                    zone.size * (abs(means[1]) if zone.is_share else 1),
                    higher_is_better=column.higher_is_better,
                ),
                rows=int((one > 0).sum()),
                was_raced=bool(ranking_metrics(board.races)),
                has_collapsed=any(
                    row.figures[column.key].collapsed
                    for name in (first, second)
                    for row in _rows(board, name)
                    if column.key in row.figures
                ),
            )
        )
    if not found:
        reasons = dict.fromkeys(why for why in board.analyses.values() if isinstance(why, str))
        raise InputError(f"{first} and {second}: cannot be compared: {'; '.join(reasons)}")
    return found


def notes_on(found: Sequence[Comparison]) -> list[str]:
    """Return in sentences what has to be known of a comparison of two things, metric by metric."""
    notes = []
    if any(one.difference.of_checkpoint for one in found):
        notes.append("One seed: these are two checkpoints; their recipes may compare otherwise.")
    if any(one.was_raced for one in found):
        notes.append("Raced: a row that got no more seeds may be better than the few it has say.")
    if collapsed := [one.name for one in found if one.has_collapsed]:
        notes.append(
            f"Collapsed: by {' and '.join(collapsed)} some seeds predict the same for every image; "
            "they count only in a row that has no others."
        )
    return notes


def percent(probability: float) -> str:
    """Return a probability as text, which is never quite 0 or 1."""
    if probability > CERTAIN:
        return f"> {CERTAIN:.1%}"
    return f"< {1 - CERTAIN:.1%}" if probability < 1 - CERTAIN else f"{probability:.1%}"


def names_of(boards: Sequence[Leaderboard]) -> list[str]:
    """Return what can be compared: rows, architectures, losses, by their shortest names."""
    rows = [row for board in boards for row in board.rows]
    labels = {row.architecture for row in rows}
    times = Counter(short(label) for label in labels)
    shortest = {label: short(label) if times[short(label)] == 1 else label for label in labels}
    named = [(shortest[row.architecture], str(row.loss)) for row in rows]
    return list(
        dict.fromkeys(
            [
                *(f"{architecture}/{loss}" for architecture, loss in named),
                *(architecture for architecture, _ in named),
                *(loss for _, loss in named),
            ]
        )
    )


def _board_of(boards: Sequence[Leaderboard], first: str, second: str) -> Leaderboard:
    having = {name: [b for b in boards if _rows(b, name)] for name in (first, second)}
    for name, found in having.items():
        if not found:
            raise InputError(
                f"{name}: the study has no such row, architecture, loss or cell"
                f"{suggestion(name, names_of(boards))}"
            )
    both = [board for board in having[first] if board in having[second]]
    if both:
        return both[0]
    one, other = (having[name][0].records[0].cell.setting for name in (first, second))
    unlike = "; ".join(differences(one, other)) or "their data or code"
    raise InputError(
        f"{first} and {second} are on different boards and cannot be compared: {unlike}"
    )


def _rows(board: Leaderboard, name: str) -> list[Row]:
    """The rows that a name stands for; none if it stands for nothing on the board."""
    return _named(board, name)[1]


def _named(board: Leaderboard, name: str) -> tuple[str, list[Row]]:
    """What a name stands for, and its rows; none if two networks, or two cells, are meant."""
    named = [(row, name.removesuffix(f"/{row.loss}")) for row in board.rows]
    rows = [row for row, network in named if row.architecture == network]
    rows = rows or [row for row, network in named if short(row.architecture) == network]
    is_one = len({row.architecture for row in rows}) == 1
    if found := [row for row in rows if name.endswith(f"/{row.loss}")]:
        return "row", found if is_one else []
    if found := [row for row in board.rows if row.loss == name]:
        return "loss", found
    if rows:
        return "architecture", rows if is_one else []
    cells = [
        row
        for row in board.rows
        for record in row.records
        if len(name) >= SHORTEST_ID and record.cell.id.startswith(name)
    ]
    return "cell", cells if len(cells) == 1 else []


def _sides(
    board: Leaderboard, found: Analysis, first: str, second: str
) -> tuple[Panel, SeedVariances, Weights, Weights]:
    """The values, and the weights (C,) of the rows of A and of B; of two cells, of their runs."""
    kind, other_kind = (_named(board, name)[0] for name in (first, second))
    if kind != other_kind:
        raise InputError(
            f"{first} is of the kind {kind}, {second} of the kind {other_kind}: give two of one"
        )
    if kind == "cell":
        runs = [_run(found, name) for name in (first, second)]
        panel = Panel([found.panel.rows[row][[seed]] for row, seed in runs], found.panel.groups)
        return panel, panel.seeds, np.array([1.0, 0.0]), np.array([0.0, 1.0])
    rows = [board.rows[number] for number in found.rows]
    sides = [[row for row in rows if row in _rows(board, name)] for name in (first, second)]
    if kind in {"architecture", "loss"}:
        if ranking_metrics(board.races):
            raise InputError(
                f"{first} and {second}: a race gave their rows different numbers of seeds, by what "
                "they scored; compare two rows of it"
            )

        def beside(row: Row) -> str | None:
            return row.architecture if kind == "loss" else row.loss

        common = {beside(row) for row in sides[0]} & {beside(row) for row in sides[1]}
        sides = [[row for row in side if beside(row) in common] for side in sides]
    if not all(sides):
        raise InputError(f"{first} and {second}: no rows with figures to compare")
    one, other = (
        np.array([(row in side) / len(side) for row in rows], np.float64) for side in sides
    )
    enough = found.panel.seed_counts[(one > 0) | (other > 0)].min() >= ENOUGH_SEEDS
    return found.panel, found.panel.seeds if enough else found.seeds, one, other


def _run(found: Analysis, name: str) -> tuple[int, int]:
    """The place of a cell in the panel: its row, and its seed there."""
    for row, cells in enumerate(found.cells):
        for seed, cell_id in enumerate(cells):
            if cell_id.startswith(name):
                return row, seed
    raise InputError(
        f"{name}: its {found.contract.label} is not among those compared: the run has collapsed, "
        "or its row has no values of images; --metric names another one"
    )
