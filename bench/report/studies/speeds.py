"""How many times as fast each network is in study B as in study A, on the same machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.report.columns import COST_COLUMNS, Column
from bench.report.leaderboard import Leaderboard
from bench.report.setting import size
from bench.report.studies.match import BoardPair
from bench.report.timed import measurements_of
from bench.settings import LossPair
from bench.settings.cell import Cell
from bench.statistics.median import Median
from bench.statistics.ratio import ratio_of_rounds
from bench.study.measurement import Measurement
from bench.study.timing import PROCESSES
from bench.study.timing_case import INFERENCE, LATENCY, TimingCase, training_figure

ERROR = 0.05  # the probability that any interval of a column misses the truth
FIGURES: dict[str, Callable[[LossPair], str]] = {  # by the column: which one was timed
    "inference_images_per_s": lambda _: INFERENCE,
    "training_images_per_s": training_figure,
    "latency_ms": lambda _: LATENCY,
}
SPEED_COLUMNS = tuple(column for column in COST_COLUMNS if column.key in FIGURES)


@dataclass(frozen=True)
class SpeedChange:
    """How a speed of a row in study B compares with that in study A.

    Attributes:
        title: the network; of training, the row.
        figures: of A and of B, in the column's unit; None where there is none.
        ratio: B / A; None where the two cannot be compared.
        problem: what B lacks, or why they cannot be compared; a gate does not pass it.
        note: what else has to be known.
    """

    title: str
    figures: tuple[float | None, float | None] = (None, None)
    ratio: Median | None = None
    problem: str = ""
    note: str = ""

    @property
    def span(self) -> tuple[float, float] | None:
        """Where B / A - 1 lies: a share of A."""
        if self.ratio is None or self.ratio.low is None or self.ratio.high is None:
            return None
        return self.ratio.low - 1, self.ratio.high - 1

    @property
    def shown(self) -> str:
        """How much more or less B is than A, with its interval."""
        if self.ratio is None or self.span is None:
            return ""
        low, high = self.span
        return f"{self.ratio.value - 1:+.1%} ({low:+.1%} to {high:+.1%})"


@dataclass(frozen=True, eq=False)
class _Timed:
    """The seconds of a figure in the rounds of A and of B, and what they belong to."""

    change: SpeedChange
    seconds: tuple[Sequence[float], Sequence[float]] | None = None


def speed_changes(pair: BoardPair, column: Column) -> list[SpeedChange]:
    """Compare a speed of all rows of two boards that have it.

    All intervals of a column hold at once with 95 % (Bonferroni).

    Args:
        pair: the boards.
        column: one of `SPEED_COLUMNS`.

    Returns:
        A change for each row; where the loss makes no difference, for each network.
    """
    timed = list(_timed_rows(pair, column))
    compared = sum(one.seconds is not None for one in timed)
    return [
        one.change
        if one.seconds is None
        else replace(
            one.change,
            ratio=_ratio(one.seconds, 1 - ERROR / compared, is_time=not column.higher_is_better),
        )
        for one in timed
    ]


def _ratio(
    seconds: tuple[Sequence[float], Sequence[float]], level: float, *, is_time: bool
) -> Median:
    """B / A, of times or of speeds."""
    one, other = seconds
    above, below = (other, one) if is_time else (one, other)
    return ratio_of_rounds(above, below, PROCESSES, level)


def _timed_rows(pair: BoardPair, column: Column) -> Iterator[_Timed]:
    seen = set()
    for row, _ in pair.rows:
        cell = row.cells[0]
        if cell.loss is None:
            continue
        figure = FIGURES[column.key](cell.loss)
        title = row.title if figure == training_figure(cell.loss) else row.architecture
        if title not in seen:
            seen.add(title)
            found = _timed(pair, column, cell, figure, SpeedChange(title))
            if found is not None:
                yield found


def _timed(
    pair: BoardPair, column: Column, cell: Cell, figure: str, change: SpeedChange
) -> _Timed | None:
    """What was timed of a cell's network in both studies; None where neither was.

    B may have the network with other losses only: what does not depend on the loss is compared.
    """
    ours = _measurements(pair.one, cell, figure)
    theirs = _measurements(pair.other, cell, figure) if pair.other else {}
    if not ours:
        return _Timed(replace(change, note="A has no figure")) if theirs else None
    if not theirs:
        return _Timed(replace(change, problem="B has no figure"))
    machine = next((machine for machine in ours if machine in theirs), None)
    if machine is None:
        where = " and ".join(", ".join(side) for side in (ours, theirs))
        return _Timed(replace(change, problem=f"not comparable: timed on {where}"))
    one, two = ours[machine], theirs[machine]
    if cell.loss is not None and column.of_speed is not None:
        figures = column.of_speed(one, cell.loss), column.of_speed(two, cell.loss)
        change = replace(change, figures=figures)
    if _how(one.case) != _how(two.case):
        how = f"{_how(one.case)} and {_how(two.case)}"
        return _Timed(replace(change, problem=f"not comparable: timed at {how}"))
    seconds = tuple(list(m.timings[figure].by_round.values()) for m in (one, two))
    if min(map(len, seconds)) == 1:
        return _Timed(replace(change, problem="one round has no interval"))
    return _Timed(change, (seconds[0], seconds[1]))


def _measurements(board: Leaderboard, cell: Cell, figure: str) -> dict[str, Measurement]:
    """The latest of a network that hold such a figure, by machine; the board's own first."""
    found: dict[str, Measurement] = {}
    for timed in (board.timed, *board.timed_elsewhere.values()):
        for measured in measurements_of(cell, timed):
            if measured.seconds(figure) is not None:
                found.setdefault(measured.environment.machine, measured)
    return found


def _how(case: TimingCase) -> str:
    """What makes two timings of one network comparable, but for the machine."""
    return f"batch {case.recipe.batch_size} of {size(case.image_size)} in {case.precision}"
