"""Do a study's figures follow from what it keeps, and does a cell give them once more?"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.errors import DamagedError, InputError, suggestion
from bench.evaluation import metrics, selection
from bench.evaluation.metric import Metric, evaluate, per_image
from bench.execution.cell import CellResult
from bench.execution.verify_predictions import problems_of_predictions, problems_of_samples
from bench.execution.verify_truth import Truths
from bench.settings.cell import Cell
from bench.study import checksums, places
from bench.study.record import Record, Summary
from bench.study.results import Results, StoredGrid

TOLERANCE = 1e-9  # of a figure that is computed again from the same scores
SELECTING = {metric.name for metric in selection.METRICS}


class Verdict(NamedTuple):
    """What came of training a cell again.

    Attributes:
        agrees: whether the figures are the same, or as near as they have to be on another machine.
        reason: how near they are.
    """

    agrees: bool
    reason: str


def verify(results: Results) -> Iterator[str]:
    """Give a line for each thing in a study that does not follow from the rest of it."""
    for place, why in results.damaged.items():
        yield f"{place}: {why}"
    yield from _problems_of_cells(results)
    for cell_id, trial in results.trials.items():
        for problem in _problems_of_trial(results, trial):
            yield f"{places.TRIALS}/{cell_id}: {problem}"
    for place, one in results.kept().items():
        if isinstance(one, Record):
            continue  # which is looked at above
        if (wrong := checksums.problem(results.folder / place)) is not None:
            yield f"{place}: {wrong}"
        elif isinstance(one, StoredGrid):
            for problem in problems_of_samples(results, one):
                yield f"{place}: {problem}"


def _problems_of_cells(results: Results) -> Iterator[str]:
    known = {name: metrics.load(name) for name in metrics.names()}
    first: dict[str, Record] = {}  # of each split
    truths = Truths()
    for cell_id, record in results.records.items():
        place = f"{places.CELLS}/{cell_id}"
        alike = first.setdefault(record.provenance.split, record)
        for problem in _problems_of_cell(results, record, known, alike, truths):
            yield f"{place}: {problem}"
    for cell_id, problem in truths.problems():
        yield f"{places.CELLS}/{cell_id}: {problem}"


def _problems_of_cell(
    results: Results,
    record: Record,
    known: dict[str, Metric],
    alike: Record,
    truths: Truths,
) -> Iterator[str]:
    """What is wrong with a cell, by itself and beside another one of the same split."""
    folder = results.folder / places.CELLS / record.cell.id
    if (problem := checksums.problem(folder)) is not None:
        yield problem
        return
    if record.finished_utc < record.started_utc:
        yield "it finished before it started"
    if record.samples != alike.samples:
        yield f"it has other numbers of samples than {alike.cell.id}, whose split is the same"
    if record.cell.loss is not None and record.summary is not None and record.training is None:
        yield "it has figures of a trained network, and no training"
    yield from _problems_of_selection(record)
    kept = {places.SCORES: record.summary, places.CONSISTENCY: record.consistency}
    for table, summary in kept.items():
        file = places.table_file(table)
        if summary is None:
            if (folder / file).exists():
                yield f"{file} is there, and the record has no figures of it"
            continue
        try:
            scores = results.scores(record.cell.id, table)
        except DamagedError as error:
            yield _reason(error, folder)
            continue
        if table == places.SCORES:
            truths.add(record, scores)
            yield from _problems_of_values(results, record, scores, known)
            yield from problems_of_predictions(results, record, scores)
        yield from _disagreements(record, summary, scores, known)


def _problems_of_trial(results: Results, trial: Record) -> Iterator[str]:
    """What is wrong with a trial, whose score is a view of its curve."""
    if (problem := checksums.problem(results.folder / places.of_cell(trial.cell))) is not None:
        yield problem
        return
    yield from _problems_of_selection(trial)
    best = [e for e in trial.training.curve if e.selected] if trial.training else []
    scores = [selection.score(epoch.val) for epoch in best]
    if trial.failure is None and scores != [trial.val_score]:
        yield "its score is not that of its selected epoch"


def _problems_of_values(
    results: Results, record: Record, scores: pd.DataFrame, known: dict[str, Metric]
) -> Iterator[str]:
    """Where there are not scores of each image, or its values are not what the scores give."""
    if len(scores) != record.samples.test:
        yield f"{len(scores)} rows of scores for {record.samples.test} test images"
    if not results.has_values(record.cell.id):
        return  # an earlier version of this project kept none
    file = places.table_file(places.VALUES)
    try:
        values = results.scores(record.cell.id, places.VALUES)
    except DamagedError as error:
        yield _reason(error, results.folder / places.of_cell(record.cell))
        return
    present = {name: known[name] for name in record.metrics if name in known}
    given = per_image(scores, present.values())
    for name in given:
        if name not in values or not _equal(values[name], given[name]):
            yield f"{file}: {name} is not what the scores give"
    yield from _problems_of_own_metrics(results, record, values, known)


def _problems_of_own_metrics(
    results: Results, record: Record, values: pd.DataFrame, known: Collection[str]
) -> Iterator[str]:
    """Where the figure of a user's own metric, whose code is not run, is not its values' mean."""
    for name, contract in results.contracts().items():
        if name in known or contract.pooled or record.metrics.get(name) != contract.source_sha256:
            continue
        mean = float(values[name].mean()) if name in values else math.nan
        written, shown = (record.summary or {}).get(name), None if math.isnan(mean) else mean
        if name not in record.problems and not _is_near(written, shown):
            yield f"{name} is {_shown(written)}, and its values give {_shown(shown)}"


def _reason(error: DamagedError, folder: Path) -> str:
    return str(error).removeprefix(f"{folder}: ")


def _equal(written: pd.Series, given: pd.Series) -> bool:
    if not pd.api.types.is_float_dtype(given):
        return written.equals(given)
    return len(written) == len(given) and bool(
        np.allclose(written, given, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    )


def _problems_of_selection(record: Record) -> Iterator[str]:
    for training in filter(None, (record.training, record.teacher)):
        selected = [epoch for epoch in training.curve if epoch.selected]
        last = [epoch for epoch in training.curve if epoch.stage == training.curve[-1].stage]
        if len(selected) != 1 or selected[0] not in last:
            yield "not one epoch of the last stage is selected"
        elif not all(epoch.val.keys() & SELECTING for epoch in last):
            yield "an epoch has no figure on the validation images to be selected by"
        elif selection.score(selected[0].val) < max(selection.score(e.val) for e in last):
            yield "the selected epoch is not the best on the validation images"


def _disagreements(
    record: Record, summary: Summary, scores: pd.DataFrame, known: dict[str, Metric]
) -> Iterator[str]:
    """Where a summary is not what the scores give, or less."""
    # A user's own metrics are not among the known: see `_problems_of_own_metrics`.
    asked = [known[name] for name in record.metrics if name in known]
    found = evaluate(scores, asked)
    for metric in asked:
        name = metric.name
        written, given = summary.get(name), found.summary.get(name)
        if name in found.problems and name not in record.problems:
            yield found.problems[name]
        elif not _is_near(written, given):
            yield f"{name} is {_shown(written)}, and the scores give {_shown(given)}"


def _is_near(written: float | None, given: float | None) -> bool:
    if written is None or given is None:
        return written is given
    return math.isclose(written, given, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _shown(value: float | None) -> str:
    return "not there" if value is None else str(value)


def compare_again(recorded: Record, again: CellResult, results: Results) -> Verdict:
    """Compare a cell's record with that of the same cell, trained again.

    On a CPU of the same kind with the same versions the figures are the same to the last digit.
    Elsewhere, or where a clock ended the training, they are as near as the seeds of the row are to
    each other.

    Args:
        recorded: what the study holds.
        again: what the second training gave.
        results: the study.
    """
    if again.record.failure is not None:
        return Verdict(agrees=False, reason=f"it failed: {again.record.failure}")
    differences = _differences(recorded, again.record)
    before, after = recorded.environment, again.record.environment
    alike = ("device", "device_name", "threads", "packages", "python", "platform")
    repeatable = after.device == "cpu" and not recorded.cell.train.is_timed
    if repeatable and all(getattr(before, a) == getattr(after, a) for a in alike):
        scores = again.tables[places.SCORES]
        equal = scores.equals(results.scores(recorded.cell.id)[list(scores.columns)])
        return Verdict(equal, "the same to the last digit" if equal else differences)
    spread = _spread(recorded.cell, results)
    if spread is None:
        reason = f"not repeatable, and one seed, so no spread to judge by: {differences}"
        return Verdict(agrees=True, reason=reason)
    within = all(
        abs(value - (recorded.summary or {})[name]) <= spread[name]
        for name, value in (again.record.summary or {}).items()
        if name in spread
    )
    where = "within" if within else "beyond"
    return Verdict(within, f"{where} the spread of the seeds: {differences}")


def _differences(recorded: Record, again: Record) -> str:
    before, after = recorded.summary or {}, again.summary or {}
    return ", ".join(
        f"{name} {before[name]:.6f} and {after[name]:.6f}"
        for name in ("iou", "rmse")
        if name in before and name in after
    )


def _spread(cell: Cell, results: Results) -> Summary | None:
    """By how much the seeds of a cell's row differ in each figure; None for a single seed."""
    row = [
        record.summary
        for record in results.records.values()
        if record.summary is not None
        and record.cell.row == cell.row
        and record.cell.setting == cell.setting
    ]
    if len(row) < 2:  # noqa: PLR2004 - a spread is of two at least
        return None
    common = set.intersection(*(set(summary) for summary in row))
    return {name: max(s[name] for s in row) - min(s[name] for s in row) for name in common}


def choose_cell(results: Results, wanted: str, seed: int) -> Record:
    """Return the record of a complete trained cell.

    Args:
        results: the study.
        wanted: the beginning of a cell's id, or ``random``.
        seed: decides which one ``random`` is.

    Raises:
        InputError: no such cell is complete, or several begin so.
    """
    trained = {
        cell_id: record
        for cell_id, record in results.records.items()
        if record.summary is not None and record.cell.loss is not None
    }
    if not trained:
        raise InputError("--retrain: the study has no cell that was trained to its end")
    if wanted == "random":
        return trained[random.Random(seed).choice(sorted(trained))]
    fitting = [cell_id for cell_id in trained if cell_id.startswith(wanted)]
    if len(fitting) != 1:
        many = "several trained cells" if fitting else "no trained cell"
        choices = suggestion(wanted, ["random", *sorted(fitting or trained)])
        raise InputError(f"--retrain: {wanted}: is the id of {many}{choices}")
    return trained[fitting[0]]
