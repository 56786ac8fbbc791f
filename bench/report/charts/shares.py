"""How much of the differences comes from the architecture, the loss, both together, the seed."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.charts.chart import COLORS, Chart, Panel, Spec, intervals, panel, values
from bench.report.columns import Column
from bench.report.leaderboard import Leaderboard
from bench.report.sources import crosses, share_text, shares_table
from bench.statistics.shares import Share

BAR_HEIGHT = 38


def shares(board: Leaderboard) -> Iterator[Chart]:
    """Give a chart with a panel for each score of which that can be told."""
    panels: list[Panel] = []
    body: list[tuple[str, ...]] = []
    for column, cross in crosses(board):
        panels.append(_panel(column, cross.shares_of_a_run()))
        body += [(column.name, *row) for row in shares_table(cross, column).body]
    if panels:
        yield Chart(
            section="shares",
            title="What the differences between runs come from",
            description=(
                "Shares of the variance among the means of runs (a row with one seed), over the "
                "ranked rows, with 95 % intervals. The table has those of single scores too (a run "
                "on one image)."
            ),
            panels=tuple(panels),
            header=("score", "source", "share of a run", "share of a score"),
            body=tuple(body),
        )


def _panel(column: Column, found: dict[str, Share]) -> Panel:
    points = [
        {
            "source": source,
            "share": round(share.estimate, 6),
            "low": round(share.low, 6),
            "high": round(share.high, 6),
            "text": share_text(share),
        }
        for source, share in found.items()
    ]
    y: Spec = {
        "field": "source",
        "type": "nominal",
        "sort": list(found),
        "axis": {"title": None},
    }
    x: Spec = {
        "type": "quantitative",
        "scale": {"domain": [0, 1]},
        "axis": {"format": ".0%", "title": "share of the variance", "tickCount": 5},
    }
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "cornerRadiusEnd": 3, "height": {"band": 0.55}},
            "encoding": {
                "x": {"field": "share", **x},
                "y": y,
                "color": {"value": COLORS[0]},
                "tooltip": [{"field": "source"}, {"field": "text", "title": column.name}],
            },
        },
        intervals(x, y),
    ]
    return panel(column.name, layers, height=BAR_HEIGHT * len(found), data=values(points))
