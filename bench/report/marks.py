"""The marks beside figures, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.analysis import Analysis
from bench.report.leaderboard import Leaderboard
from bench.report.selection import ShownBoard
from bench.statistics.proportion import upper_bound

BELOW_BASELINE = "▼"
STALE = "†"
ONE_SEED = "°"
GREY_TARGETS = (
    "The targets of depth are grey, so its BCE cannot fall below their entropy; less that, a "
    "perfect prediction has 0."
)


def legend(shown: ShownBoard, *, with_ranks: bool = True) -> list[str]:
    """Return a sentence on each mark of a table, on what its figures are, and on what is left out.

    Args:
        shown: what of a board stands in the table.
        with_ranks: whether ranks stand there, and not only the letters of ties.
    """
    lines = explained(shown.board, with_ranks=with_ranks)
    scores = [column for column in shown.columns if column.is_score]
    for pooled, how in (
        (False, "the mean over the test images"),
        (True, "taken over the pixels of all test images"),
    ):
        names = [column.name for column in scores if column.is_pooled == pooled]
        if names:
            lines.append(f"{', '.join(names)}: {how}")
    if any(column.task == "depth" for column in scores):
        lines.append("Depth lies between 0 and 1")
    if any(column.of_speed for column in shown.columns):
        lines.append("Speed: at the training batch size, latency at batch 1")
    return [*lines, *filter(None, [shown.note])]


def explained(board: Leaderboard, *, with_ranks: bool = True) -> list[str]:
    """Return a sentence on each mark that stands on a board."""
    scores = [column for column in board.columns if column.is_score]
    found = next(filter(None, map(board.analysis, scores)), None)
    lines = {
        f"Bold: best of its column; {_on_scores(board, found)}": True,
        f"{BELOW_BASELINE}: no better than a trivial baseline": True,
        f"{STALE}: stale, its code, weights or data have changed since": any(
            row.is_stale for row in board.rows
        ),
        "Rows of which a seed is missing, failed or stale are not ranked": not all(
            row.is_ranked for row in board.rows
        ),
    }
    return [
        *(line for line, applies in lines.items() if applies),
        *(
            _on_intervals(board, found, with_ranks=with_ranks)
            if found
            else [f"No ±: {_reason(board)}"]
        ),
    ]


def _on_scores(board: Leaderboard, found: Analysis | None) -> str:
    """Which scores are bold."""
    if any(board.is_ranked_by(column) for column in board.columns if column.is_score):
        return "of a score, not certainly worse than the best"
    if found is not None and all(interval.of_checkpoint for interval in found.intervals):
        return "scores of single seeds are not ranked"
    return "no score is ranked"


def _reason(board: Leaderboard) -> str:
    """Why no score of a board has an interval."""
    return next((why for why in board.analyses.values() if isinstance(why, str)), "no score")


def _on_intervals(board: Leaderboard, found: Analysis, *, with_ranks: bool) -> Iterator[str]:
    """What ±, letters and ranks promise."""
    images = f"{found.panel.images} images"
    if found.kept_apart:
        groups = " and ".join(f"{name}s" for name in found.kept_apart)
        others = f"other images, of other {groups}"
    else:
        others = "other images drawn like these"
    counts = found.panel.seed_counts
    several = counts[[not interval.of_checkpoint for interval in found.intervals]]
    if len(several):
        least, most = int(several.min()), int(several.max())
        seeds = f"{most}" if least == most else f"{least} to {most}"
        yield (
            "±: half of the 95 % interval. If a row's recipe were trained again with other seeds "
            f"on the same training images and tested on {others}, its mean would lie within "
            f"({seeds} seeds, {images})"
        )
        column = next(c for c in board.columns if board.analysis(c) is found)
        if board.is_ranked_by(column):
            what = "Rank: the ranks that a row may have," if with_ranks else "Letters:"
            letters = (
                "rows that share a letter cannot be told apart"
                if any(found.ranking.letters)
                else "there are no letters, as ties would take too many"
            )
            yield f"{what} all rows compared at once at 95 %; {letters}"
        rows = [board.rows[number] for number in found.rows]
        sound = sorted({row.seeds for row in rows if not row.figures[column.key].collapsed})
        up_to = [f"{upper_bound(0, seeds):.0%}" for seeds in sound]
        if len(sound) > 1:
            up_to = [f"{share} ({seeds} seeds)" for share, seeds in zip(up_to, sound, strict=True)]
        if up_to:
            yield (
                "A row without a collapsed seed may still collapse in up to "
                f"{' or '.join(up_to)} of its trainings"
            )
    if len(several) < len(counts):
        first = "" if len(several) else "±: half of the 95 % interval; "
        yield f"{first}{ONE_SEED}: of one seed, for this checkpoint on {others} ({images})"
    if any(e.collapsed for row in board.rows for e in row.figures.values()):
        yield (
            "Collapsed seeds predict the same for every image; a figure is of the seeds that "
            "trained, if any did"
        )
