"""What is wrong with a board as a whole: rows that are one row, budgets that are not one budget."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bench.report.analysis import Analysis
from bench.report.row import Row
from bench.study.cell_scores import CellScores
from bench.study.record import Leakage, Record


def guards_on(
    rows: Sequence[Row],
    scores: Mapping[str, CellScores],
    analyses: Mapping[str, Analysis | str],
    leakage: Leakage | None,
) -> Iterator[str]:
    """Give what a reader has to know before believing a board.

    Args:
        rows: the trained ones.
        scores: what the tables of cells say, by the cell's id.
        analyses: by metric.
        leakage: what training knew of the test samples.
    """
    if leakage is not None and leakage.same_images > 0:
        yield f"{leakage.same_images:.0%} of the test images are training images"
    yield from _unequal_budgets(rows)
    yield from _same_predictions(rows, scores)
    for metric, found in analyses.items():
        if isinstance(found, Analysis):
            yield from _validation_disagrees(rows, metric, found)


def _unequal_budgets(rows: Sequence[Row]) -> Iterator[str]:
    """Rows that saw other numbers of images, where images are what the budget counts."""
    seen: dict[int, list[str]] = {}
    for row in rows:
        for record in row.records:
            counts_images = all(
                recipe.budget is None or recipe.budget.samples is not None
                for recipe in record.cell.train.recipes()
            )
            if counts_images and record.training and record.training.samples_seen is not None:
                seen.setdefault(record.training.samples_seen, []).append(row.title)
    batches = max((_largest_batches(row.records) for row in rows), default=0)
    if seen and max(seen) - min(seen) > batches:  # the last batch of a stage counts whole
        told = "; ".join(f"{n} by {', '.join(dict.fromkeys(who))}" for n, who in seen.items())
        yield f"unequal budgets, in training images seen: {told}"


def _largest_batches(records: Sequence[Record]) -> int:
    """How many images the last batches of a training's stages hold at most."""
    return max(
        (sum(recipe.batch_size for recipe in r.cell.train.recipes()) for r in records), default=0
    )


def _same_predictions(rows: Sequence[Row], scores: Mapping[str, CellScores]) -> Iterator[str]:
    """Cells that predict the same, image by image, though they learnt something."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for record in row.records:
            if (cell := scores.get(record.cell.id)) is None:
                continue
            for task, digest in cell.predictions.items():
                if task not in cell.collapsed:
                    name = f"{row.title}, seed {record.cell.seed}"
                    alike.setdefault((task, digest), []).append(name)
    for (task, _), names in alike.items():
        if len(names) > 1:
            yield f"the same {task} predictions: {' and '.join(names)}"


def _validation_disagrees(rows: Sequence[Row], metric: str, found: Analysis) -> Iterator[str]:
    """A row that is best on the validation images and certainly not on the test images."""
    places = np.flatnonzero(found.ranking.ranked)
    on_validation: dict[int, float] = {}
    for place in places:
        learnt = found.cells[place]  # as on the test images, without the runs that collapsed
        records = [r for r in rows[found.rows[place]].records if r.cell.id in learnt]
        figures = [_validation(record, metric) for record in records]
        known = [figure for figure in figures if figure is not None]
        if len(known) == len(figures):
            on_validation[int(place)] = found.sign * statistics.fmean(known)
    in_best_set = [
        goodness for place, goodness in on_validation.items() if found.ranking.in_best_set[place]
    ]
    if not in_best_set:
        return
    best = max(on_validation, key=lambda place: on_validation[place])
    if on_validation[best] > max(in_best_set):
        yield (
            f"{rows[found.rows[best]].title} has the best {found.contract.label} on the validation "
            "images and certainly not on the test images"
        )


def _validation(record: Record, metric: str) -> float | None:
    """A metric on the validation images, at the epoch that was selected."""
    curve = record.training.curve if record.training else ()
    return next((epoch.val.get(metric) for epoch in curve if epoch.selected), None)
