"""A board's charts as SVG, PNG or PDF, by vl-convert, for papers and talks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bench.errors import needs_extra
from bench.report.charts import charts
from bench.report.charts.chart import Chart
from bench.report.leaderboard import Leaderboard

WIDTH = 360  # of a panel, in pixels
COLUMNS = 2
PIXELS = 2.0  # of a PNG for each pixel of the panel
VERSION = "6.4"  # of Vega-Lite, as on the page
CLIP = re.compile(r"(?<=[\"#])clip\d+")
RESOURCES = re.compile(rb"(?: +/[a-z]+\d+ \d+ 0 R\n){2,}")  # of a page of a PDF, a line each
CONFIG = {
    "background": "white",
    "view": {"stroke": None},
    "concat": {"spacing": 30},
    # One weight throughout: a PDF's second font would be numbered before or after the first one
    # by chance.
    "title": {"fontWeight": "normal", "fontSize": 14},
    "axis": {"titleFontWeight": "normal"},
    "legend": {"titleFontWeight": "normal"},
}


def figures(board: Leaderboard, kind: str) -> Iterator[tuple[str, bytes]]:
    """Give each chart of a board: a name for its file, and the file.

    Each is the same for the same records, to the last byte; a PDF only where one font has all
    characters that are in it.

    Args:
        board: the rows.
        kind: svg, png or pdf.

    Raises:
        InputError: vl-convert is not installed.
    """
    try:
        import vl_convert  # noqa: PLC0415 - an extra
    except ImportError:
        raise needs_extra(f"--format {kind}", "vl-convert", "figures") from None
    drawn = charts(board)
    for number, chart in enumerate(drawn):
        same = [other for other in drawn[:number] if other.section == chart.section]
        name = f"{chart.section}{f'-{len(same) + 1}' if same else ''}.{kind}"
        yield name, _converted(vl_convert, together(chart), kind)


def together(chart: Chart) -> dict[str, Any]:
    """Return the panels of a chart as one specification, two beside each other, with a legend."""
    panels = [
        {key: part for key, part in panel.spec.items() if key != "$schema"}
        | {"width": WIDTH, "title": panel.title}
        for panel in chart.panels
    ]
    return {
        "$schema": chart.panels[0].spec["$schema"],
        "description": chart.description,
        "concat": panels,
        "columns": COLUMNS,
        "resolve": {"scale": {"color": "shared" if chart.legend else "independent"}},
        "config": CONFIG,
    }


def _converted(converter: Any, spec: dict[str, Any], kind: str) -> bytes:
    svg = _renumbered(converter.vegalite_to_svg(spec, vl_version=VERSION))
    if kind == "svg":
        return svg.encode()
    if kind == "png":
        picture: bytes = converter.svg_to_png(svg, scale=PIXELS)
        return picture
    return _sorted(converter.svg_to_pdf(svg))


def _renumbered(svg: str) -> str:
    """Number the clips of a picture from 1: Vega counts those of all pictures of a process."""
    numbers: dict[str, str] = {}
    return CLIP.sub(lambda found: numbers.setdefault(found[0], f"clip{len(numbers) + 1}"), svg)


def _sorted(pdf: bytes) -> bytes:
    """Sort the resources of a PDF's page, which stand in an order of chance that means nothing.

    They take as many bytes as before, so that the table of where each object begins stays true.
    """
    return RESOURCES.sub(lambda found: b"".join(sorted(found[0].splitlines(keepends=True))), pdf)
