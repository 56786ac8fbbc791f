"""A chart: panels of Vega-Lite, and in words and figures what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.text import printable

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
# After Okabe and Ito: the colour-blind can tell them apart, and they show on light and on dark.
COLORS = ("#1f83c9", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8c6bb1", "#999999")
SHAPES = (  # of Vega, and a character that looks alike
    ("circle", "●"),
    ("square", "■"),
    ("triangle-up", "▲"),
    ("diamond", "◆"),
    ("cross", "✚"),
    ("triangle-down", "▼"),
)


@dataclass(frozen=True)
class Key:
    """An entry of a legend: what a colour, or a shape in any colour, stands for."""

    name: str
    symbol: str
    color: str | None = None


@dataclass(frozen=True)
class Panel:
    """One picture of a chart.

    Attributes:
        title: what it shows, as text.
        spec: Vega-Lite, as wide as its container, without colours of the page.
    """

    title: str
    spec: Spec


@dataclass(frozen=True)
class Chart:
    """Panels that are read together.

    Attributes:
        section: of the report that it belongs to, such as ``curves``.
        title: what it shows.
        description: how to read it, in sentences.
        panels: the pictures.
        header: of a table with the same figures.
        body: its rows, as text.
        legend: of all panels.
    """

    section: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    header: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    legend: tuple[Key, ...] = ()


def panel(title: str, layers: Sequence[Spec], *, height: int | Spec = 240, **more: Any) -> Panel:
    """Return a panel of layers over each other."""
    spec = {
        "$schema": SCHEMA,
        "description": title,
        "width": "container",
        "height": height,
        "layer": list(layers),
        **more,
    }
    return Panel(title, spec)


def intervals(x: Spec, y: Spec, **encoding: Spec) -> Spec:
    """Return a layer with a line from ``low`` to ``high`` of each row of the data."""
    return {
        "mark": {"type": "rule", "strokeWidth": 2.5, "aria": False},
        "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": y, **encoding},
    }


def values(rows: Sequence[dict[str, Any]]) -> Spec:
    """Return data that stands in the specification itself; text in it is shown as it is."""
    return {
        "values": [
            {name: printable(one) if isinstance(one, str) else one for name, one in row.items()}
            for row in rows
        ]
    }


def color_keys(names: Sequence[str]) -> tuple[Key, ...]:
    """Return a colour for each name; the same ones again after the eighth."""
    return tuple(
        Key(name, SHAPES[0][1], COLORS[place % len(COLORS)]) for place, name in enumerate(names)
    )


def color_scale(names: Sequence[str]) -> Spec:
    """Return the scale of these colours."""
    keys = color_keys(names)
    return {"domain": [printable(key.name) for key in keys], "range": [key.color for key in keys]}


def shape_keys(names: Sequence[str]) -> tuple[Key, ...]:
    """Return a shape for each name; the same ones again after the sixth."""
    return tuple(Key(name, SHAPES[place % len(SHAPES)][1]) for place, name in enumerate(names))


def shape_scale(names: Sequence[str]) -> Spec:
    """Return the scale of these shapes."""
    return {
        "domain": [printable(name) for name in names],
        "range": [SHAPES[place % len(SHAPES)][0] for place in range(len(names))],
    }
