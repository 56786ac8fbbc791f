"""What a board looks like: charts in Vega-Lite, each with a table that says the same."""

from __future__ import annotations

from bench.report.charts.chart import Chart
from bench.report.charts.crossed import crossed
from bench.report.charts.curves import curves
from bench.report.charts.effects import effects
from bench.report.charts.shares import shares
from bench.report.charts.terms import terms
from bench.report.charts.tradeoff import tradeoff
from bench.report.leaderboard import Leaderboard


def charts(board: Leaderboard) -> list[Chart]:
    """Return the charts of a board that its records have figures for, in the order of a report."""
    makers = (tradeoff, curves, crossed, shares, effects, terms)
    return [chart for make in makers for chart in make(board)]
