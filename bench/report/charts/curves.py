"""How trainings went: figures on the validation images, epoch by epoch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from typing import Any

from bench.report.charts.chart import Chart, Panel, Spec, color_keys, color_scale, panel, values
from bench.report.columns import Column
from bench.report.leaderboard import Leaderboard
from bench.report.row import Row

MOST_EPOCHS = 60  # drawn of a training; of a longer one every second, third, ... and the last

Point = dict[str, Any]


def curves(board: Leaderboard) -> Iterator[Chart]:
    """Give a chart of each score that was taken on the validation images, a panel for each loss."""
    for column in board.columns:
        if not column.is_score:
            continue
        points = {row.title: _points(row, column) for row in board.rows}
        known = [point for of_row in points.values() for point in of_row]
        if not known:
            continue
        thinned = (
            f" Of trainings with more than {MOST_EPOCHS} epochs not every one is drawn."
            if max(point["epoch"] for point in known) > MOST_EPOCHS
            else ""
        )
        domain = [min(point["low"] for point in known), max(point["high"] for point in known)]
        panels = [
            _panel(board, column, loss, domain, _drawn(points.values(), loss))
            for loss in board.losses
        ]
        yield Chart(
            section="curves",
            title=f"{column.title} on the validation images",
            description=(
                "The line is the mean over the seeds, the band reaches from the lowest to the "
                "highest of them. The test images are never looked at while a network trains."
                + thinned
            ),
            panels=tuple(panels),
            header=("row", "seeds", "first epoch", "best epoch", "last epoch"),
            body=tuple(
                (title, *_in_words(of_row, column)) for title, of_row in points.items() if of_row
            ),
            legend=color_keys(board.architectures),
        )


def _points(row: Row, column: Column) -> list[Point]:
    """The mean, lowest and highest of a row's seeds in each epoch that any of them had."""
    trainings = [record.training.curve for record in row.records if record.training is not None]
    longest = max(map(len, trainings), default=0)
    points = []
    for epoch in range(longest):
        known = [
            curve[epoch].val[column.key]
            for curve in trainings
            if epoch < len(curve) and column.key in curve[epoch].val
        ]
        if known:
            points.append(
                {
                    "architecture": row.architecture,
                    "loss": row.loss,
                    "epoch": epoch + 1,
                    "mean": round(statistics.fmean(known), column.decimals + 2),
                    "low": round(min(known), column.decimals + 2),
                    "high": round(max(known), column.decimals + 2),
                    "seeds": len(known),
                }
            )
    return points


def _drawn(rows: Iterable[list[Point]], loss: str) -> list[Point]:
    """The points of the rows with a loss, thinned out where there are many."""
    drawn = []
    for points in rows:
        if points and points[0]["loss"] == loss:
            step = -(-len(points) // MOST_EPOCHS)
            drawn += points[:-1:step] + points[-1:]
    return drawn


def _in_words(points: list[Point], column: Column) -> tuple[str, ...]:
    pick = max if column.higher_is_better else min
    best = pick(points, key=lambda point: point["mean"])
    seeds = max(point["seeds"] for point in points)
    shown = (f"{point['mean']:.{column.decimals}f}" for point in (points[0], best, points[-1]))
    first, at_best, last = shown
    return str(seeds), first, f"{at_best} (epoch {best['epoch']})", last


def _panel(
    board: Leaderboard, column: Column, loss: str, domain: list[float], points: list[Point]
) -> Panel:
    color = {
        "field": "architecture",
        "type": "nominal",
        "scale": color_scale(board.architectures),
    }
    x: Spec = {
        "field": "epoch",
        "type": "quantitative",
        "scale": {"domainMin": 1, "nice": False},
        "axis": {"tickMinStep": 1, "format": "d", "title": "epoch"},
    }
    y: Spec = {"type": "quantitative", "scale": {"domain": domain, "zero": False, "nice": True}}
    layers: list[Spec] = [
        {
            "mark": {"type": "area", "opacity": 0.16, "aria": False},
            "encoding": {
                "x": x,
                "y": {"field": "low", **y, "title": column.title},
                "y2": {"field": "high"},
                "color": color,
            },
        },
        {
            "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 22}},
            "encoding": {
                "x": x,
                "y": {"field": "mean", **y, "title": column.title},
                "color": color,
                "tooltip": [
                    {"field": "architecture"},
                    {"field": "epoch"},
                    {"field": "mean", "title": column.name},
                    {"field": "low", "title": "lowest seed"},
                    {"field": "high", "title": "highest seed"},
                ],
            },
        },
    ]
    title = f"trained with {loss}"
    return panel(title, layers, height=190, data=values(points))
