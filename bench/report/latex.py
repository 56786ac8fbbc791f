"""Leaderboards as LaTeX tables, for a paper; the same records give the same text.

They need the package booktabs and no other one, and compile with pdfLaTeX too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.report.cell_texts import NOTHING, mean_and_spread, seeds
from bench.report.columns import Column
from bench.report.marks import BELOW_BASELINE, ONE_SEED, STALE, legend
from bench.report.row import Row
from bench.report.selection import ShownBoard
from bench.report.setting import setting
from bench.text import latex, printable

MAX_COLUMNS = 7  # of a table: what fits across both columns of a conference's page


def render(name: str, boards: Sequence[ShownBoard]) -> str:
    r"""Return tables to be read by ``\input``: of each board as many as its columns need.

    A figure stands with half of its interval and, raised, the letters of its ties.

    Args:
        name: of the study.
        boards: what is shown of each.
    """
    lines = [r"% In the preamble: \usepackage{booktabs}"]
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name)
    for number, shown in enumerate(boards, start=1):
        split = shown.board.grid.data.split.label
        caption, label = f"Leaderboard of {name}; split: {split}", f"tab:{slug}-{number}"
        first, *further = shown.tables(MAX_COLUMNS, with_ranks=False)
        lines += [f"% {printable(line)}" for line in setting(shown.board)]
        lines += _table(
            f"{latex(caption)}.",
            label,
            _tabular(shown, first, with_seeds=True),
            [f"{latex(line)}." for line in _notes(shown)],
        )
        for place, columns in enumerate(further, start=2):
            lines += _table(
                f"{latex(caption)}, further columns.",
                f"{label}-{place}",
                _tabular(shown.with_figures_in(columns), columns, with_seeds=False),
                [rf"Rows and marks are as in Table~\ref{{{label}}}."],
            )
    return "\n".join(lines) + "\n"


def _table(caption: str, label: str, tabular: Sequence[str], notes: Sequence[str]) -> list[str]:
    return [
        r"\begin{table*}",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{caption}}}\label{{{label}}}",
        *tabular,
        r"\par\smallskip\begin{minipage}{\linewidth}",
        *notes,
        r"\end{minipage}",
        r"\end{table*}",
    ]


def _tabular(shown: ShownBoard, columns: Sequence[Column], *, with_seeds: bool) -> list[str]:
    """The rows, and those of the trivial baselines below a rule."""
    first = ["architecture", "loss", *(["seeds"] if with_seeds else [])]
    # Marks stand behind scores, whose digits are alike: from the left they stand below each other.
    alignment = "".join("l" if column.is_score else "r" for column in columns)
    trained, trivial = (
        [
            _line(
                [
                    *_names(row),
                    *([seeds(row)] if with_seeds else []),
                    *(_figure(row, column) for column in columns),
                ]
            )
            for row in rows
        ]
        for rows in (shown.rows, shown.baselines)
    )
    return [
        rf"\begin{{tabular}}{{ll{'r' if with_seeds else ''}{alignment}}}",
        r"\toprule",
        _line([*first, *(latex(f"{column.name} {column.arrow}") for column in columns)]),
        _line([*([""] * len(first)), *(latex(column.unit) for column in columns)]),
        r"\midrule",
        *trained,
        *([r"\midrule"] if trained and trivial else []),
        *trivial,
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _line(cells: Sequence[str]) -> str:
    line = " & ".join(cells)
    # After the line before, a bracket or asterisk would be an argument of its two backslashes.
    return rf"{'{}' if line.startswith(('[', '*')) else ''}{line} \\"


def _names(row: Row) -> tuple[str, str]:
    loss = "(baseline)" if row.loss is None else row.loss
    return latex(row.architecture), latex(f"{loss} {STALE}" if row.is_stale else loss)


def _figure(row: Row, column: Column) -> str:
    """A figure with its spread, the letters of its ties, and its marks."""
    estimate = row.figures.get(column.key)
    if estimate is None:
        return latex(NOTHING)
    mean, *spread = map(latex, mean_and_spread(estimate, column))
    shown = r" $\pm$ ".join([rf"\textbf{{{mean}}}" if estimate.best else mean, *spread])
    if estimate.letters:
        shown += rf"\textsuperscript{{{estimate.letters}}}"
    marks = []
    if estimate.interval is not None and estimate.interval.of_checkpoint:
        marks.append(ONE_SEED)
    if estimate.lacking:
        marks.append(f"({estimate.lacking} without)")
    if estimate.collapsed:
        some = estimate.collapsed < estimate.finished
        marks.append(f"({estimate.collapsed}/{estimate.finished})" if some else "(all)")
    if estimate.below_baseline:
        marks.append(BELOW_BASELINE)
    return " ".join([shown, *map(latex, marks)])


def _notes(shown: ShownBoard) -> list[str]:
    """The legend, and what is shortened here alone."""
    keys = {column.key for column in shown.columns}
    figures = [row.figures[key] for row in shown.rows for key in keys & row.figures.keys()]
    lines = legend(shown, with_ranks=False)
    if any(estimate.collapsed for estimate in figures):
        lines.append("In brackets: how many seeds collapsed, of how many")
    if any(estimate.lacking for estimate in figures):
        lines.append("Without: so many seeds have no value")
    return lines
