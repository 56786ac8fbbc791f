"""Scores against speed, with the uncertainty of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.report.cell_texts import figure
from bench.report.charts.chart import (
    Chart,
    Panel,
    Spec,
    color_keys,
    color_scale,
    panel,
    shape_keys,
    shape_scale,
    values,
)
from bench.report.columns import Column
from bench.report.front import Front, front_of
from bench.report.leaderboard import Leaderboard
from bench.statistics.median import Median
from bench.study.measurement import shown

SPEED = "inference, images/s"
DODGE = 0.004  # of a speed: rows of one network are as fast as each other


def tradeoff(board: Leaderboard) -> Iterator[Chart]:
    """Give a chart of each task's first metric against throughput, if that was measured."""
    speeds = board.inference_speeds()
    by_task: dict[str | None, Column] = {}
    for column in board.columns:
        if column.is_score and column.key != "consistency_rmse":
            by_task.setdefault(column.task, column)
    found = front_of(board)
    on_front = _on_front(found)
    panels, body = [], []
    for column in by_task.values():
        points = list(_points(board, column, speeds, on_front))
        if points:
            panels.append(_panel(board, column, points))
    if not panels:
        return
    for number, row in enumerate(board.rows):
        if row.architecture in speeds:
            body.append(
                (
                    row.title,
                    *(figure(row, column) for column in by_task.values()),
                    shown(speeds[row.architecture], 0),
                    _often(found, number),
                )
            )
    yield Chart(
        section="tradeoff",
        title="Scores against throughput",
        description=_description(found),
        panels=tuple(panels),
        header=("row", *(column.title for column in by_task.values()), SPEED, "on the front"),
        body=tuple(body),
        legend=(*color_keys(board.architectures), *shape_keys(board.losses)),
    )


def _on_front(found: Front | None) -> set[int]:
    if found is None:
        return set()
    return {number for number, on in zip(found.rows, found.on_front, strict=True) if on}


def _often(found: Front | None, number: int) -> str:
    if found is None or number not in found.rows:
        return "not ranked"
    place = found.rows.index(number)
    return f"{'yes' if found.on_front[place] else 'no'} ({found.how_often[place]:.0%})"


def _description(found: Front | None) -> str:
    text = (
        "Each mark is a row, its lines the 95 % intervals of score and speed. "
        "The better corner is at the right, on the side that the arrow of the title points to. "
        f"The rows of one network are as fast as each other: their marks stand {DODGE:.1%} of that "
        "apart, so that none hides another."
    )
    if found is None:
        return f"{text} No row is ranked in all of these, so there is no Pareto front."
    return (
        f"{text} Filled marks are on the Pareto front of {', '.join(found.objectives)}: no other "
        "ranked row is better in one of these and no worse in the others. In brackets in the table "
        "stands how often a row is on it with other seeds, images and timings."
    )


def _points(
    board: Leaderboard, column: Column, speeds: dict[str, Median], on_front: set[int]
) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(board.rows):
        estimate, speed = row.figures.get(column.key), speeds.get(row.architecture)
        if estimate is None or speed is None:
            continue
        x = speed.value * (1 + DODGE * (board.losses.index(row.loss or "") - len(board.losses) / 2))
        half, width = speed.half_width or 0.0, 0.0
        if estimate.interval is not None:
            width = estimate.interval.half_width
        yield {
            "row": row.title,
            "architecture": row.architecture,
            "loss": row.loss,
            "x": round(x, 3),
            "x1": round(x - half, 3),
            "x2": round(x + half, 3),
            "y": round(estimate.mean, 6),
            "y1": round(estimate.mean - width, 6),
            "y2": round(estimate.mean + width, 6),
            "front": number in on_front,
            "score": figure(row, column),
            "speed": shown(speed, 0),
        }


def _panel(board: Leaderboard, column: Column, points: list[dict[str, Any]]) -> Panel:
    color = {
        "field": "architecture",
        "type": "nominal",
        "scale": color_scale(board.architectures),
    }
    shape = {
        "field": "loss",
        "type": "nominal",
        "scale": shape_scale(board.losses),
    }
    x: Spec = {"type": "quantitative", "scale": {"zero": False, "nice": True}, "title": SPEED}
    y: Spec = {"type": "quantitative", "scale": {"zero": False}, "title": column.title}
    rule = {"type": "rule", "opacity": 0.55, "strokeWidth": 1.2, "aria": False}
    point = {"type": "point", "size": 95, "strokeWidth": 1.8, "opacity": 1}
    layers: list[Spec] = [
        {
            "mark": rule,
            "encoding": {
                "x": {"field": "x", **x},
                "y": {"field": "y1", **y},
                "y2": {"field": "y2"},
                "color": color,
            },
        },
        {
            "mark": rule,
            "encoding": {
                "x": {"field": "x1", **x},
                "x2": {"field": "x2"},
                "y": {"field": "y", **y},
                "color": color,
            },
        },
        {
            "mark": point,
            "encoding": {
                "x": {"field": "x", **x},
                "y": {"field": "y", **y},
                "color": color,
                "shape": shape,
                "fill": {
                    "condition": {"test": "datum.front", **color},
                    "value": "transparent",
                },
                "tooltip": [
                    {"field": "row", "title": "row"},
                    {"field": "score", "title": column.name},
                    {"field": "speed", "title": SPEED},
                ],
            },
        },
    ]
    return panel(f"{column.title} against throughput", layers, height=320, data=values(points))
