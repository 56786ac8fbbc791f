"""How far each architecture and each loss is from the mean of all."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.charts.chart import (
    Chart,
    Panel,
    Spec,
    color_keys,
    color_scale,
    intervals,
    panel,
    values,
)
from bench.report.columns import Column
from bench.report.factorial import Factorial
from bench.report.leaderboard import Leaderboard
from bench.report.sources import FACTORS, crosses, effects_table

ROW_HEIGHT = 26


def effects(board: Leaderboard) -> Iterator[Chart]:
    """Give a chart with a panel for each score of which that can be told."""
    panels: list[Panel] = []
    body: list[tuple[str, ...]] = []
    for column, cross in crosses(board):
        rows = effects_table(cross, column).body
        if rows:
            panels.append(_panel(column, cross))
            body += [(column.title, *row) for row in rows]
    if panels:
        yield Chart(
            section="effects",
            title="How far each architecture and loss is from the mean of all",
            description=(
                "What each adds to a score, over the ranked rows, with its interval: those of the "
                "architectures hold all at once with 95 %, and so do those of the losses. Better "
                "is right of the dashed line where the title has ↑, left of it where it has ↓."
            ),
            panels=tuple(panels),
            header=("score", "factor", "name", "from the mean of all"),
            body=tuple(body),
            legend=color_keys(FACTORS),
        )


def _panel(column: Column, cross: Factorial) -> Panel:
    points = [
        {
            "key": f"{factor} {name}",
            "name": name,
            "factor": factor,
            "effect": round(effect.estimate, 6),
            "low": round(effect.low, 6),
            "high": round(effect.high, 6),
            "text": f"{effect.estimate:+.{column.decimals}f} ± "
            f"{effect.half_width:.{column.decimals}f}",
        }
        for factor in FACTORS
        for name, effect in cross.effects(factor).items()
    ]
    y: Spec = {
        "field": "key",  # an architecture and a loss may be called the same
        "type": "nominal",
        "sort": None,
        "axis": {
            "title": None,
            "labelExpr": "slice(datum.label, indexof(datum.label, ' ') + 1)",
        },
    }
    x: Spec = {
        "type": "quantitative",
        "axis": {
            "title": f"{column.name}, from the mean of all",
            "tickCount": 6,
            "labelFlush": False,
        },
    }
    color: Spec = {"field": "factor", "type": "nominal", "scale": color_scale(FACTORS)}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeDash": [4, 4], "opacity": 0.6, "aria": False},
            "encoding": {"x": {"datum": 0, **x}},
        },
        intervals(x, y, color=color),
        {
            "mark": {"type": "point", "size": 80, "filled": True, "opacity": 1},
            "encoding": {
                "x": {"field": "effect", **x},
                "y": y,
                "color": color,
                "tooltip": [
                    {"field": "factor"},
                    {"field": "name"},
                    {"field": "text", "title": column.name},
                ],
            },
        },
    ]
    return panel(column.title, layers, height=ROW_HEIGHT * len(points), data=values(points))
