"""A board's scores by a column of the test images: where is which row good?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import InputError, suggestion
from bench.report.analysis import Analysis
from bench.report.columns import Column
from bench.report.leaderboard import Leaderboard
from bench.report.marks import ONE_SEED
from bench.report.row import Row
from bench.report.selection import ShownBoard
from bench.report.tables import table
from bench.statistics.intervals import mean_of
from bench.statistics.panel import Panel
from bench.text import markdown

THIRDS = ("low", "middle", "high")
MOST = 12  # of the values of a column; of more, the rarest stand together
HOW_SURE = f"±: half of the 95 % interval; {ONE_SEED}: of one seed, for this checkpoint alone."


@dataclass(frozen=True)
class Stratified:
    """One score of a board's rows in each stratum of the images.

    Attributes:
        column: the score.
        counts: how many images are in each stratum, by its name.
        figures: of each row with the score, its figure in each stratum, as text.
    """

    column: Column
    counts: dict[str, int]
    figures: list[tuple[Row, list[str]]]


def strata(shown: ShownBoard, name: str) -> list[str]:
    """Return a section in Markdown for each score: its rows down, the strata across."""
    found = stratified(shown.board, name, shown.columns)
    note = [markdown(f"{shown.note}.")] if shown.note else []
    return [part for one in found for part in (*_section(one, shown.rows, name), *note)]


def stratified(
    board: Leaderboard, name: str, columns: Sequence[Column] | None = None
) -> list[Stratified]:
    """Return each score of a board by the strata of the images.

    Args:
        board: the rows.
        name: a column of the test images: of the archive, ``object_size`` or ``depth``. One of
            many numbers is cut into thirds of as many images each as equal values let it.
        columns: the scores; by default all of the board.

    Raises:
        InputError: the images have no such column.
    """
    if name not in board.images:
        known = suggestion(name, sorted(board.images))
        raise InputError(f"--strata: {name}: the test images have no such column{known}")
    groups = _strata(board.images[name])
    wanted = board.columns if columns is None else columns
    scores = [(column, board.analysis(column)) for column in wanted]
    return [_of_score(board, column, found, groups) for column, found in scores if found]


def _strata(values: npt.NDArray[Any]) -> dict[str, npt.NDArray[np.bool_]]:
    """Which images (N,) are in each stratum, by its name."""
    names, counts = np.unique(values.astype(str), return_counts=True)
    if len(names) > MOST:
        values = _as_numbers(values)
    if values.dtype.kind != "f":
        largest = names[np.argsort(-counts, kind="stable")][:MOST]
        found = {str(value): values.astype(str) == value for value in _in_order(largest)}
        others = ~np.any(list(found.values()), axis=0)
        return found | ({f"{len(names) - MOST} others": others} if others.any() else {})
    if np.isnan(values).all():
        return {}
    starts = [-math.inf, *_cuts(values), math.inf]
    parts = [(values >= low) & (values < high) for low, high in pairwise(starts)]
    thirds = {1: ("all",), 2: (THIRDS[0], THIRDS[-1])}.get(len(parts), THIRDS)
    return {
        f"{third} ({_range(values[part])})": part for third, part in zip(thirds, parts, strict=True)
    }


def _cuts(values: npt.NDArray[np.float64]) -> list[float]:
    """The least values of the second and the last third, as near as equal values let them be."""
    known = np.sort(values[~np.isnan(values)])
    starts = np.unique(known)[1:]
    if not len(starts):
        return []
    below = np.searchsorted(known, starts)
    shares = np.arange(1, len(THIRDS)) / len(THIRDS)
    wanted = np.ceil((len(known) - 1) * shares)  # as quantiles have it
    return sorted({float(starts[np.abs(below - count).argmin()]) for count in wanted})


def _range(values: npt.NDArray[np.float64]) -> str:
    least, most = (f"{end:.3g}" for end in (values.min(), values.max()))
    return least if least == most else f"{least} to {most}"


def _in_order(names: npt.NDArray[np.str_]) -> list[str]:
    """Names in the order of the alphabet, and numbers in that of numbers."""
    names = np.sort(names)
    ordered: list[str] = names[np.argsort(_as_numbers(names), kind="stable")].tolist()
    return ordered


def _as_numbers(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values as numbers, if all of them are."""
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        return values


def _of_score(
    board: Leaderboard,
    column: Column,
    found: Analysis,
    groups: dict[str, npt.NDArray[np.bool_]],
) -> Stratified:
    shown = {stratum: members[found.has_value] for stratum, members in groups.items()}
    return Stratified(
        column=column,
        counts={stratum: int(members.sum()) for stratum, members in shown.items()},
        figures=[
            (
                board.rows[number],
                [_figure(found, place, members, column) for members in shown.values()],
            )
            for place, number in enumerate(found.rows)
        ],
    )


def _section(found: Stratified, rows: Sequence[Row], name: str) -> list[str]:
    figures = {row.title: of_row for row, of_row in found.figures}
    body = [
        [markdown(row.architecture), markdown(row.loss or ""), *figures[row.title]]
        for row in rows
        if row.title in figures
    ]
    counts = ["images", "", *map(str, found.counts.values())]
    header = ["architecture", "loss", *map(markdown, found.counts)]
    return [
        f"## {markdown(found.column.title)} by {markdown(name)}",
        table(header, [*body, counts], numeric_from=2),
    ]


def _figure(found: Analysis, place: int, members: npt.NDArray[np.bool_], column: Column) -> str:
    """A row's mean over some images, and half of its 95 % interval if that is known."""
    if not members.any():
        return "—"
    values = found.panel.rows[place][:, members]
    mean = f"{values.mean():.{column.decimals}f}"
    try:
        part = Panel([values], [group[members] for group in found.panel.groups])
    except InputError:  # of a single image, or a single group
        return mean
    interval = mean_of(part, 0)
    mark = f" {ONE_SEED}" if interval.of_checkpoint else ""
    return f"{mean} ± {interval.half_width:.{column.decimals}f}{mark}"
