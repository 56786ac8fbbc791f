"""How much each term of a loss weighs, at the beginning of a training and at its end."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from bench.report.charts.chart import Chart, Panel, Spec, color_keys, color_scale, panel, values
from bench.report.leaderboard import Leaderboard
from bench.report.row import Row

ROW_HEIGHT = 22
TASKS = ("mask", "depth")


def terms(board: Leaderboard) -> Iterator[Chart]:
    """Give a chart with a panel for each loss whose terms were recorded."""
    found = [scale for row in board.rows for scale in _scales(row)]
    if not found:
        return
    panels = [
        _panel(loss, shown)
        for loss in board.losses
        if (shown := [one for one in found if one["loss"] == loss and one["positive"]])
    ]
    yield Chart(
        section="terms",
        title="Scales of the loss terms",
        description=(
            "Each term with its weight, on the first batch of a stage (hollow) and on its last one "
            "(filled): the median over the seeds, on a logarithmic scale. Terms far apart pull the "
            "training towards the larger one. A term of 0 or less is in the table alone."
        ),
        panels=tuple(panels),
        header=("row", "stage", "task", "term", "at the start", "at the end"),
        body=tuple(
            (
                one["row"],
                one["stage"],
                one["task"],
                one["term"],
                f"{one['start']:.3g}",
                f"{one['end']:.3g}",
            )
            for one in found
        ),
        legend=color_keys(TASKS),
    )


def _scales(row: Row) -> Iterator[dict[str, Any]]:
    """The terms of a row, each the median over its seeds."""
    by_term: dict[tuple[int, str, str], list[tuple[float, float]]] = {}
    for record in row.records:
        for scale in record.training.terms if record.training else ():
            key = scale.stage, scale.task, scale.term
            by_term.setdefault(key, []).append((scale.start, scale.end))
    stages = len({stage for stage, _, _ in by_term})
    for (stage, task, term), found in by_term.items():
        start, end = (statistics.median(side) for side in zip(*found, strict=True))
        in_stage = f", stage {stage + 1}" if stages > 1 else ""
        yield {
            "row": row.title,
            "loss": row.loss,
            "stage": str(stage + 1),
            "task": task,
            "term": term,
            "label": f"{row.architecture}{in_stage}: {term} of {task}",
            "start": start,
            "end": end,
            "positive": start > 0 and end > 0,
        }


def _panel(loss: str, found: list[dict[str, Any]]) -> Panel:
    color: Spec = {
        "field": "task",
        "type": "nominal",
        "scale": color_scale(TASKS),
    }
    y: Spec = {
        "field": "label",
        "type": "nominal",
        "sort": None,
        "axis": {"title": None},
    }
    x: Spec = {
        "type": "quantitative",
        "scale": {"type": "log"},
        "title": "weighted value",
    }
    axis: Spec = {"tickCount": 4, "format": "~g"}
    tooltip = [{"field": name} for name in ("row", "task", "term", "start", "end")]
    ends: list[Spec] = [
        {
            "mark": {"type": "point", "size": 60, "filled": filled, "opacity": 1},
            "encoding": {
                "x": {"field": end, **x},
                "y": y,
                "color": color,
                "tooltip": tooltip,
            },
        }
        for end, filled in (("start", False), ("end", True))
    ]
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.5, "aria": False},
            "encoding": {
                "x": {"field": "start", **x, "axis": axis},
                "x2": {"field": "end"},
                "y": y,
                "color": color,
            },
        },
        *ends,
    ]
    kept = ("row", "task", "term", "label", "start", "end")
    points = [{name: one[name] for name in kept} for one in found]
    return panel(
        f"trained with {loss}", layers, height=ROW_HEIGHT * len(points), data=values(points)
    )
