"""What the differences between the rows come from, in Markdown: shares, effects, best losses."""

from __future__ import annotations

from bench.report.columns import Column
from bench.report.factorial import Factorial, factorial
from bench.report.leaderboard import Leaderboard
from bench.report.tables import table
from bench.text import markdown

FACTORS = ("architecture", "loss")


def sources(board: Leaderboard, column: Column) -> list[str]:
    """Return a section on what makes the ranked rows differ in a column, if that can be told."""
    found = board.analysis(column)
    cross = None if found is None else factorial(board, found)
    if cross is None:
        return []
    return [
        f"## What {markdown(column.name)} depends on",
        _shares(cross),
        _effects(cross, column),
        _best_losses(cross),
    ]


def _shares(cross: Factorial) -> str:
    of_a_run, of_a_score = cross.shares_of_a_run(), cross.shares_of_a_score()
    body = [
        [
            source,
            _share(of_a_run[source].estimate, of_a_run[source].low, of_a_run[source].high)
            if source in of_a_run
            else "",
            _share(share, *of_a_score.intervals[source]),
        ]
        for source, share in of_a_score.shares.items()
    ]
    by = (
        "every architecture stands with every loss"
        if cross.is_complete
        else "the grid of ranked rows is not complete, so by least squares"
    )
    return (
        f"{table(['source', 'share of a run', 'share of a score'], body, numeric_from=1)}\n\n"
        "Of the variance among the means of runs (a row with one seed), and among single scores (a "
        f"run on one image), with 95 % intervals; {by}."
    )


def _share(share: float, low: float, high: float) -> str:
    return f"{share:.0%} ({low:.0%} to {high:.0%})"


def _effects(cross: Factorial, column: Column) -> str:
    body = [
        [factor, markdown(name), f"{effect.estimate:+.{column.decimals}f} ± {half}"]
        for factor in FACTORS
        for name, effect in cross.effects(factor).items()
        for half in (f"{effect.half_width:.{column.decimals}f}",)
    ]
    header = ["", "", f"{markdown(column.title)}, from the mean of all"]
    return (
        f"{table(header, body, numeric_from=2)}\n\n"
        "The intervals of the architectures hold all at once with 95 %, and so do those of the "
        "losses."
    )


def _best_losses(cross: Factorial) -> str:
    body = [
        [markdown(architecture), ", ".join(map(markdown, losses))]
        for architecture, losses in cross.best_losses().items()
    ]
    header = ["architecture", "losses that none is certainly better than"]
    return (
        f"{table(header, body, numeric_from=2)}\n\n"
        "Each architecture by itself: of fewer comparisons at once, more are certain than in the "
        "ranks."
    )
