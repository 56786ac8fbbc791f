"""The rows that no other row beats in IoU, RMSE and speed at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.report.analysis import SEED, Analysis
from bench.report.columns import Column
from bench.report.leaderboard import Leaderboard
from bench.report.tables import table
from bench.statistics.pareto import Objective, measured, pareto_front, scored
from bench.text import markdown

STANDARD_ERRORS = 1.96  # in half of a 95 % interval
FEWEST = 2  # objectives, and rows
SELDOM = 0.05


@dataclass(frozen=True)
class Front:
    """Which of some rows no other one beats in all objectives at once.

    Attributes:
        objectives: their names.
        rows: the numbers, on the board, of the rows that are ranked in each of them.
        on_front: whether each of these is on the front.
        how_often: with other seeds, images and timings, a share in [0, 1].
    """

    objectives: tuple[str, ...]
    rows: tuple[int, ...]
    on_front: tuple[bool, ...]
    how_often: tuple[float, ...]


def front_of(board: Leaderboard) -> Front | None:
    """Return the front of the ranked rows; None with one objective or one row."""
    by_task: dict[str | None, tuple[Column, Analysis]] = {}
    for column in board.columns:
        found = board.analysis(column)
        if found is not None and board.is_ranked_by(column):
            by_task.setdefault(column.task, (column, found))
    numbers = [
        number
        for number, row in enumerate(board.rows)
        if all(
            row.figures[c.key].rank if c.key in row.figures else False for c, _ in by_task.values()
        )
    ]
    generator = np.random.default_rng(SEED)
    objectives = {c.name: _score(found, numbers, generator) for c, found in by_task.values()}
    if (speed := _speed(board, numbers, generator)) is not None:
        objectives["inference speed"] = speed
    if len(objectives) < FEWEST or len(numbers) < FEWEST:
        return None
    pareto = pareto_front(list(objectives.values()))
    return Front(
        objectives=tuple(objectives),
        rows=tuple(numbers),
        on_front=tuple(map(bool, pareto.on_front)),
        how_often=tuple(map(float, pareto.how_often)),
    )


def front(board: Leaderboard) -> list[str]:
    """Return a section in Markdown on the front of the ranked rows, if there is one."""
    found = front_of(board)
    if found is None:
        return []
    body = [
        [
            markdown(board.rows[number].architecture),
            markdown(board.rows[number].loss or ""),
            "yes" if on_front else "no",
            f"{often:.0%}",
        ]
        for number, on_front, often in zip(found.rows, found.on_front, found.how_often, strict=True)
        if on_front or often >= SELDOM
    ]
    header = ["architecture", "loss", "on the front", "how often"]
    note = (
        "Of the rows that are ranked in each of these. On the front: no other one is better in "
        "one of them and no worse in the others. How "
        f"often: with other seeds, images and timings; others are on it in less than {SELDOM:.0%}."
    )
    return [
        f"## Pareto front: {markdown(', '.join(found.objectives))}",
        table(header, body, numeric_from=2),
        note,
    ]


def _score(found: Analysis, numbers: list[int], generator: np.random.Generator) -> Objective:
    """A metric as an objective of some rows of the board."""
    places = [found.rows.index(number) for number in numbers]
    whole = scored(
        found.panel,
        found.seeds,
        generator,
        higher_is_better=found.contract.higher_is_better,
    )
    return Objective(whole.figures[places], whole.drawn[:, places])


def _speed(
    board: Leaderboard, numbers: list[int], generator: np.random.Generator
) -> Objective | None:
    """The networks' speed as an objective of some rows; None where one is not known."""
    speeds = board.inference_speeds()
    of_rows = [board.rows[number].architecture for number in numbers]
    networks = list(dict.fromkeys(of_rows))
    known = [speeds[name] for name in networks if name in speeds]
    if len(known) < len(networks) or not known:
        return None
    errors = [(speed.half_width or 0.0) / STANDARD_ERRORS / speed.value for speed in known]
    # Of one draw for each network: rows that share it are as fast as each other.
    each = measured(np.array([speed.value for speed in known]), np.array(errors), generator)
    places = [networks.index(name) for name in of_rows]
    return Objective(each.figures[places], each.drawn[:, places])
