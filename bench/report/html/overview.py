"""What was compared on what, and the extremes of each figure, in words."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.cell_texts import figure
from bench.report.leaderboard import Leaderboard
from bench.report.setting import size
from bench.study.measurement import shown


@dataclass(frozen=True)
class Highlight:
    """A figure that a reader looks for first, with its interval, and whose it is."""

    label: str
    figure: str
    row: str


def compared(board: Leaderboard) -> str:
    """Return in a paragraph what was compared on what."""
    grid, trained = board.grid, [r for r in board.records if r.cell.loss is not None]
    complete = sum(record.summary is not None for record in trained)
    failed = len(trained) - complete
    seeds = {record.cell.seed for record in trained}
    parts = [
        f"{_count(len(board.architectures), 'architecture')} ({', '.join(board.architectures)}) "
        f"with {_count(len(board.losses), 'loss', 'losses')} ({', '.join(board.losses)}) and "
        f"{_count(len(seeds), 'seed')}: {_count(complete, 'complete training')}"
        + (f", {failed} failed" if failed else "")
        + "."
    ]
    samples = [record.samples for record in board.records]
    data = f"The data is {', '.join(grid.data.files)} at {size(grid.data.image_size)}"
    if samples:
        one = samples[0]
        data += f": {one.train} images train, {one.val} select the epoch, {one.test} test"
    parts.append(f"{data}; split: {grid.data.split.label}.")
    names = [column.name for column in board.columns if column.is_score]
    parts.append(
        f"Scored by {', '.join(names)}, beside {_count(len(board.baselines), 'trivial baseline')}."
    )
    return " ".join(parts)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def highlights(board: Leaderboard) -> list[Highlight]:
    """Return the best figure of each score, of ranked rows if there are any, and the top speed."""
    found = []
    for column in board.columns:
        rows = [row for row in board.rows if column.key in row.figures]
        ranked = [row for row in rows if row.figures[column.key].rank]
        if not column.is_score or not rows:
            continue
        sign = 1 if column.higher_is_better else -1
        best = max(ranked or rows, key=lambda row: sign * row.figures[column.key].mean)
        label = f"{'highest' if column.higher_is_better else 'lowest'} {column.name}"
        found.append(Highlight(label, figure(best, column), best.title))
    speeds = board.inference_speeds()
    if speeds:
        name = max(speeds, key=lambda each: speeds[each].value)
        found.append(Highlight("most images a second", shown(speeds[name], 0), name))
    return found
