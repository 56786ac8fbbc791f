"""Scores of architectures by losses, as a heat map."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.cell_texts import NOTHING, figure
from bench.report.charts.chart import Chart, Panel, Spec, panel, values
from bench.report.columns import Column
from bench.report.leaderboard import Leaderboard
from bench.report.row import Row
from bench.text import printable

ROW_HEIGHT = 46
BRIGHT = 0.55  # share of the scale above which viridis needs dark text

Rows = dict[tuple[str, str | None], Row]


def crossed(board: Leaderboard) -> Iterator[Chart]:
    """Give a chart with a panel for each score; none with one architecture and one loss."""
    if len(board.architectures) * len(board.losses) == 1:
        return
    rows: Rows = {(row.architecture, row.loss): row for row in board.rows}
    scores = [
        column
        for column in board.columns
        if column.is_score and any(column.key in row.figures for row in board.rows)
    ]
    if not scores:
        return
    yield Chart(
        section="crossed",
        title="Architectures by losses",
        description=(
            "The mean of each row; the brighter, the better. The ± of each stands in the table."
        ),
        panels=tuple(_panel(board, column, rows) for column in scores),
        header=("score", "architecture", *board.losses),
        body=tuple(
            (
                column.title,
                architecture,
                *(_text(rows, architecture, loss, column) for loss in board.losses),
            )
            for column in scores
            for architecture in board.architectures
        ),
    )


def _text(rows: Rows, architecture: str, loss: str, column: Column) -> str:
    row = rows.get((architecture, loss))
    return NOTHING if row is None else figure(row, column)


def _panel(board: Leaderboard, column: Column, rows: Rows) -> Panel:
    means = {
        names: row.figures[column.key].mean
        for names, row in rows.items()
        if column.key in row.figures
    }
    low, high = min(means.values()), max(means.values())
    points = []
    for (architecture, loss), mean in means.items():
        share = (mean - low) / (high - low) if high > low else 1.0
        points.append(
            {
                "architecture": architecture,
                "loss": loss,
                "mean": round(mean, 6),
                "text": f"{mean:.{column.decimals}f}",
                "score": figure(rows[architecture, loss], column),
                "bright": (share if column.higher_is_better else 1 - share) > BRIGHT,
            }
        )
    across: Spec = {
        "field": "loss",
        "type": "nominal",
        "sort": [printable(loss) for loss in board.losses],
        "axis": {
            "orient": "top",
            "title": None,
            "labelAngle": 0,
            "labelLimit": {"expr": f"width / {len(board.losses)} - 4"},  # of its own column
        },
    }
    down: Spec = {
        "field": "architecture",
        "type": "nominal",
        "sort": [printable(name) for name in board.architectures],
        "axis": {"title": None},
    }
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "cornerRadius": 4},
            "encoding": {
                "x": across,
                "y": down,
                "color": {
                    "field": "mean",
                    "type": "quantitative",
                    "scale": {
                        "scheme": "viridis",
                        "reverse": not column.higher_is_better,
                        "domain": [low, high],
                    },
                    "legend": None,
                },
                "tooltip": [
                    {"field": "architecture"},
                    {"field": "loss"},
                    {"field": "score", "title": column.name},
                ],
            },
        },
        {
            "mark": {"type": "text", "aria": False},
            "encoding": {
                "x": across,
                "y": down,
                "text": {"field": "text"},
                "color": {
                    "condition": {"test": "datum.bright", "value": "#111111"},
                    "value": "#ffffff",
                },
            },
        },
    ]
    height = ROW_HEIGHT * len(board.architectures)
    return panel(column.title, layers, height=height, data=values(points))
