"""Figures by metrics that came later, or have changed, from the scores that were kept."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.errors import DamagedError
from bench.evaluation.metric import Metric
from bench.events import Remark
from bench.execution.cell import CellResult, figures, with_values
from bench.execution.grid_run import Means
from bench.study import places
from bench.study.record import Record
from bench.study.results import Results


def update_metrics(records: Sequence[Record], results: Results, means: Means) -> set[str]:
    """Compute from the kept scores what records lack, or have by another version of a metric.

    Figures of metrics that are not among the run's stay. What another run is at, or has made anew
    since the results were read, is left to it.

    Returns:
        The ids of cells whose scores are damaged, which have to be run again.
    """
    present = {metric.name: metric.contract.source_sha256 for metric in means.context.metrics}
    damaged = set()
    for record in records:
        cell_id = record.cell.id
        is_present = results.has_values(cell_id) and present.items() <= record.metrics.items()
        if record.summary is None or is_present or not means.claims.take(cell_id):
            continue
        try:
            if means.study.read_cell(record.cell) == record:
                means.study.write_cell(*rescored(record, results, means.context.metrics))
        except DamagedError as error:
            means.listen(Remark(str(error)))
            damaged.add(cell_id)
        finally:
            means.claims.give_back(cell_id)
    return damaged


def rescored(
    record: Record,
    results: Results,
    metrics: Sequence[Metric],
    scores: pd.DataFrame | None = None,
) -> CellResult:
    """Return a complete cell with the figures of some metrics; those of others are as they were.

    Args:
        record: of the cell.
        results: the study.
        metrics: whose figures are computed.
        scores: the cell's table; by default the one that was kept.

    Raises:
        DamagedError: what was kept is damaged.
    """
    cell_id, asked = record.cell.id, {metric.name for metric in metrics}
    names = [places.SCORES, *([places.CONSISTENCY] if record.consistency is not None else [])]
    tables = {name: results.scores(cell_id, name) for name in names}
    if scores is not None:
        tables[places.SCORES] = scores
    new = figures(tables, metrics)
    kept = {
        field: {k: v for k, v in (getattr(record, field) or {}).items() if k not in asked}
        for field in ("summary", "consistency", "metrics", "problems")
    }
    update = {field: None if new[field] is None else kept[field] | new[field] for field in kept}
    tables = with_values(tables, metrics)
    if results.has_values(cell_id):
        before = results.scores(cell_id, places.VALUES).drop(columns="key")
        kept_values = before[before.columns.difference(sorted(asked))]
        tables[places.VALUES] = tables[places.VALUES].join(kept_values)
    predictions = results.predictions(cell_id)
    if predictions is not None:
        tables[places.PREDICTIONS] = predictions
    return CellResult(record.model_copy(update=update), tables, results.weights(record))
