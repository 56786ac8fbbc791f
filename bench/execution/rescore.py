"""Metrics that came later, for all cells of a study: from their sums, or else their weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd
import torch

from bench.errors import InputError, TrainingError
from bench.evaluation import metrics
from bench.evaluation.metric import Metric
from bench.evaluation.sums import NETWORK_COLUMNS, check_metric
from bench.events import Listener, silent
from bench.execution.kept_weights import KeptWeights
from bench.execution.rescoring import rescored
from bench.settings import identity
from bench.study import places
from bench.study.claims import Claims
from bench.study.record import Record
from bench.study.results import Results, StoredGrid
from bench.study.study import Study
from user_code import forget_changed

SUMS, WEIGHTS = "sums", "weights"
OTHERS = "another run is at it"


class Rescored(NamedTuple):
    """What has come of the cells that some metrics are about.

    Attributes:
        computed: how many cells have further figures, by what these are from, `SUMS` or `WEIGHTS`.
        refused: why a cell lacks some, after its label and id; and what of the study is damaged.
    """

    computed: Counter[str]
    refused: list[tuple[str, str]]


def rescore(
    study: Study, specs: Sequence[str], device: torch.device, listen: Listener = silent
) -> Rescored:
    """Compute metrics for every complete cell of a study, and have its leaderboards show them.

    Nothing is trained, and no other figure changes. Where a cell's sums do not have all that a
    metric reads, they are computed from the kept weights; data and code have to be as they were.

    Args:
        study: where the cells are kept.
        specs: the metrics, as a grid names them.
        device: where networks predict, if they have to.
        listen: told how decoding comes along.

    Raises:
        InputError: there is no such study or metric, a metric cannot be computed, or no cell is
            trained for its task; nothing is written.
    """
    forget_changed()
    results = study.load()
    asked = _load(specs, results)
    weights = KeptWeights(results, device, listen)
    claims = Claims(study.folder / places.CLAIMS)
    found = Rescored(Counter(), list(results.damaged.items()))
    for record in results.records.values():
        due = _due(record, asked)
        if not due:
            continue
        about = f"{record.cell.label} ({record.cell.id})"
        if not claims.take(record.cell.id):
            found.refused.append((about, OTHERS))
            continue
        try:
            for source in _compute(record, due, results, study, weights):
                found.computed[source] += 1
        except (InputError, TrainingError) as error:
            found.refused.append((about, str(error)))
        finally:
            claims.give_back(record.cell.id)
    results = study.load()
    there = [metric for metric in asked if any(map(metric.is_in, results.records.values()))]
    ids = {stored.id for stored in results.grids}
    for stored in results.grids:
        after = _showing(stored, specs, there)
        if after.id != stored.id and after.id in ids:
            continue  # that grid shows the metrics for the same cells, and is not overwritten
        ids.add(after.id)
        if after != stored:
            study.replace_grid(stored, after)
    return found


def _load(specs: Sequence[str], results: Results) -> list[Metric]:
    found = [metrics.load(spec) for spec in dict.fromkeys(specs)]
    if len({metric.name for metric in found}) < len(found):
        raise InputError("--metrics: two differ in the folders of their files only; name one")
    tasks = {task for record in results.records.values() for task in record.cell.tasks}
    for metric in found:
        check_metric(metric)
        if metric.contract.task not in tasks:
            raise InputError(
                f"--metrics: {metric.name} is about {metric.contract.task}, which no cell of "
                f"{results.folder} predicts"
            )
    return found


def _due(record: Record, asked: Sequence[Metric]) -> list[Metric]:
    """The metrics whose figures a complete cell lacks, or has by another version."""
    if record.summary is None:
        return []
    return [
        metric
        for metric in asked
        if metric.contract.task in record.cell.tasks
        and not metric.is_in(record)
        and not (record.cell.loss is None and NETWORK_COLUMNS & set(metric.reads))
    ]


def _compute(
    record: Record, due: Sequence[Metric], results: Results, study: Study, weights: KeptWeights
) -> Iterator[str]:
    """Write a cell with further figures, first those that its sums give; say what they are from."""
    if study.read_cell(record.cell) != record:
        raise InputError(OTHERS)
    if not results.has_values(record.cell.id):
        raise InputError(
            "an earlier version of this project kept no values of its images; `bench run` adds them"
        )
    scores = results.scores(record.cell.id)
    readable = [metric for metric in due if metric.is_readable(scores)]
    others = [metric for metric in due if not metric.is_readable(scores)]
    if readable:
        record = _write(record, readable, results, study)
        yield SUMS
    if others:
        _write(record, others, results, study, weights.with_more_columns(record, scores))
        yield WEIGHTS


def _write(
    record: Record,
    metrics: Sequence[Metric],
    results: Results,
    study: Study,
    scores: pd.DataFrame | None = None,
) -> Record:
    result = rescored(record, results, metrics, scores)
    problems = result.record.problems
    wrong = "; ".join(problems[metric.name] for metric in metrics if metric.name in problems)
    if wrong:
        raise TrainingError(wrong)
    study.write_cell(*result)
    return result.record


def _showing(stored: StoredGrid, specs: Sequence[str], there: Sequence[Metric]) -> StoredGrid:
    """Return a grid that was run with those further metrics that are about its tasks."""
    contracts = {
        metric.name: metric.contract
        for metric in there
        if metric.contract.task in stored.grid.tasks()
    }
    shown = {identity.of_metric(spec): spec for spec in (*specs, *stored.grid.metrics)}
    further = [
        spec
        for name, spec in shown.items()
        if name in contracts and spec not in stored.grid.metrics
    ]
    grid = stored.grid.model_copy(update={"metrics": (*stored.grid.metrics, *further)})
    return stored.model_copy(update={"grid": grid, "metrics": stored.metrics | contracts})
