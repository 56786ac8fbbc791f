"""What the differences between the rows come from: shares, effects, best losses."""

from __future__ import annotations

from bench.report.columns import Column
from bench.report.factorial import Factorial, factorial
from bench.report.leaderboard import Leaderboard
from bench.report.plain_table import PlainTable
from bench.statistics.shares import Share
from bench.text import markdown

FACTORS = ("architecture", "loss")


def sources(board: Leaderboard, column: Column) -> list[str]:
    """Return a section in Markdown on what makes the ranked rows differ, if that can be told."""
    cross = cross_of(board, column)
    if cross is None:
        return []
    return [
        f"## What {markdown(column.name)} depends on",
        shares_table(cross, column).in_markdown(),
        effects_table(cross, column).in_markdown(),
        best_losses_table(cross, column).in_markdown(),
    ]


def cross_of(board: Leaderboard, column: Column) -> Factorial | None:
    """Return the ranked rows as a cross of architectures and losses, see `factorial`."""
    found = board.analysis(column)
    return None if found is None else factorial(board, found)


def crosses(board: Leaderboard) -> list[tuple[Column, Factorial]]:
    """Return the columns of which such a cross can be told, each with its own."""
    found = [(column, cross_of(board, column)) for column in board.columns]
    return [(column, cross) for column, cross in found if cross is not None]


def shares_table(cross: Factorial, column: Column) -> PlainTable:
    """Return which share of the variance comes from which source, with its 95 % interval."""
    of_a_run, of_a_score = cross.shares_of_a_run(), cross.shares_of_a_score()
    by = (
        "every architecture stands with every loss"
        if cross.is_complete
        else "the grid of ranked rows is not complete, so by least squares"
    )
    return PlainTable(
        title=f"Where differences in {column.name} come from",
        header=("source", "share of a run", "share of a score"),
        body=tuple(
            (
                source,
                share_text(of_a_run[source]) if source in of_a_run else "",
                share_text(Share(share, *of_a_score.intervals[source])),
            )
            for source, share in of_a_score.shares.items()
        ),
        numeric_from=1,
        note=(
            "Of the variance among the means of runs (a row with one seed), and among single "
            f"scores (a run on one image), with 95 % intervals; {by}."
        ),
    )


def share_text(share: Share) -> str:
    """Return a share with its interval in words."""
    return f"{share.estimate:.0%} ({share.low:.0%} to {share.high:.0%})"


def effects_table(cross: Factorial, column: Column) -> PlainTable:
    """Return how far each architecture and each loss is from the mean of all; empty if untold."""
    return PlainTable(
        title=f"Effects on {column.name}",
        header=("", "", f"{column.title}, from the mean of all"),
        body=tuple(
            (factor, name, f"{effect.estimate:+.{column.decimals}f} ± {half}")
            for factor in FACTORS
            for name, effect in cross.effects(factor).items()
            for half in (f"{effect.half_width:.{column.decimals}f}",)
        ),
        numeric_from=2,
        note=(
            "The intervals of the architectures hold all at once with 95 %, and so do those of the "
            "losses."
        ),
    )


def best_losses_table(cross: Factorial, column: Column) -> PlainTable:
    """Return for each architecture the losses that may be the best for it."""
    return PlainTable(
        title=f"The best losses of each architecture by {column.name}",
        header=("architecture", "losses that none is certainly better than"),
        body=tuple(
            (architecture, ", ".join(losses))
            for architecture, losses in cross.best_losses().items()
        ),
        numeric_from=2,
        note=(
            "Each architecture by itself: of fewer comparisons at once, more are certain than in "
            "the ranks."
        ),
    )
