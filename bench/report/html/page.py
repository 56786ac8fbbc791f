"""The page of a study: what it holds, and how it is put together."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from bench.report.answer import answer
from bench.report.board_remarks import board_remarks
from bench.report.charts import charts
from bench.report.html.leaderboard_table import cross_entropy, headings, table_rows
from bench.report.html.overview import compared, highlights
from bench.report.html.pairs import MOST_ROWS, pairs
from bench.report.html.pictures import pictures
from bench.report.html.provenance import code, grid_file, origins
from bench.report.html.tables import beside, best_losses, timed_tables
from bench.report.leaderboard import Leaderboard
from bench.report.marks import GREY_TARGETS, explained
from bench.report.race import raced
from bench.report.setting import setting
from bench.report.strata import HOW_SURE, stratified
from bench.study.results import Results
from bench.text import printable

PARTS = files(__package__ or "bench.report.html")
STYLES = ("page.css", "gallery.css")
SCRIPTS = (
    "vega/vega.min.js",
    "vega/vega-lite.min.js",
    "vega/vega-interpreter.js",
    "gallery.js",
    "page.js",
)
FOLLOWING = ("follow.js",)
USUAL_STRATA = ("object_size", "depth")


@dataclass(frozen=True)
class Following:
    """That a page is served, and follows its study.

    Attributes:
        version: of the study that the page shows.
        progress: how far the study is, in words.
    """

    version: str
    progress: str


def render(
    name: str,
    boards: Sequence[Leaderboard],
    damaged: Mapping[str, str],
    strata: Sequence[str] = (),
    results: Results | None = None,
    *,
    following: Following | None = None,
) -> str:
    """Return a study's leaderboards as one HTML page; the same records give the same page.

    Args:
        name: of the study.
        boards: at least one.
        damaged: why something of the study could not be read, by its place in the folder.
        strata: columns of the test images by which scores are shown, beside the usual ones.
        results: the study, for the pictures that it keeps; None: as if it kept none.
        following: of a page that asks its server for changes; without it the page asks nobody.

    Raises:
        InputError: the test images have no such column.
    """
    scripts = [_read(script) for script in (*SCRIPTS, *(FOLLOWING if following else ()))]
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_one_line,
    )
    return environment.get_template("template.html.j2").render(
        name=name,
        boards=[_board(board, boards, name, strata, results) for board in boards],
        damaged=damaged,
        following=following,
        style=Markup("".join(map(_read, STYLES))),  # noqa: S704 - our own files
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
        script_hashes=[_source_hash(script) for script in scripts],
        licences=[Markup.escape(_read(f"vega/LICENSE.{part}")) for part in ("vega", "vega-lite")],
        most_rows=MOST_ROWS,
        how_sure=HOW_SURE,
        grey_targets=GREY_TARGETS,
    )


def _board(
    board: Leaderboard,
    boards: Sequence[Leaderboard],
    name: str,
    strata: Sequence[str],
    results: Results | None,
) -> dict[str, Any]:
    """What the page shows of a board; all figures are those of the other reports."""
    usual = [column for column in USUAL_STRATA if column in board.images]
    drawn, shown = charts(board), pictures(board, results, len(boards))
    return {
        "split": board.grid.data.split.label,
        "compared": compared(board),
        "setting": setting(board),
        "answer": answer(board),
        "highlights": highlights(board),
        "headings": headings(board),
        "rows": table_rows(board),
        "row_count": len(board.rows),
        "explained": explained(board),
        "raced": raced(board),
        "remarks": list(board_remarks(board, (*board.rows, *board.baselines))),
        "timed": timed_tables(board),
        "strata": [
            (column, one)
            for column in dict.fromkeys([*usual, *strata])
            for one in stratified(board, column)
        ],
        "pairs": as_json(pairs(board)),
        "pictures": shown,
        "picture_figures": as_json(shown.figures),
        "charts": {
            section: [
                (chart, [as_json(panel.spec) for panel in chart.panels])
                for chart in drawn
                if chart.section == section
            ]
            for section in ("tradeoff", "curves", "crossed", "shares", "effects", "terms")
        },
        "best_losses": best_losses(board),
        "beside": beside(board, boards),
        "cross_entropy_columns": board.cross_entropy_columns,
        "cross_entropy": cross_entropy(board),
        "origins": origins(board, name),
        "code": code(board),
        "grid": Markup.escape(grid_file(board)),
    }


def as_json(content: Any) -> Markup:
    """Return JSON that no text in it can end: it may stand within a script element."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - nothing of it is markup any more


def _one_line(shown: Any) -> Any:
    """Spell out what cannot be printed, in all text that is not our own."""
    return printable(shown) if isinstance(shown, str) and not hasattr(shown, "__html__") else shown


def _read(part: str) -> str:
    return (PARTS / part).read_text(encoding="utf-8")


def _source_hash(script: str) -> str:
    """How a content security policy names a script that stands in the page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
