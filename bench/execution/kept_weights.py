"""What the networks of a study's cells predict now, with the weights that were kept of them."""

from __future__ import annotations

import math

import pandas as pd
import torch

from bench.errors import InputError
from bench.evaluation import baselines, metrics
from bench.evaluation.metric import evaluate
from bench.evaluation.score import score
from bench.events import Listener
from bench.execution.cell_training import place_network
from bench.execution.context import RunContext, open_context
from bench.execution.threads import computing_with
from bench.inference import load
from bench.inference.description import Description
from bench.settings.grid import Grid
from bench.study import places
from bench.study.plan import changed
from bench.study.record import Record
from bench.study.results import Results

# How near the figures of kept weights have to be to the record's: in bf16 another device predicts
# a few pixels otherwise.
NEAR = 1e-3


class KeptWeights:
    """Scores the cells of a study once more.

    Args:
        results: the study.
        device: where networks predict.
        listen: told how decoding comes along.
    """

    def __init__(self, results: Results, device: torch.device, listen: Listener) -> None:
        self._results, self._device, self._listen = results, device, listen
        self._grids = {
            cell.id: stored
            for stored in reversed(results.grids)
            for cell in results.cells(stored.grid)
        }
        self._contexts: dict[str, RunContext] = {}

    def with_more_columns(self, record: Record, kept: pd.DataFrame) -> pd.DataFrame:
        """Return a cell's scores with the columns that they lack; the others stay as they are.

        Args:
            record: of the cell.
            kept: its scores.

        Raises:
            InputError: data or code are not what they were, or no weights were kept that give the
                figures of the record.
            TrainingError: a prediction is not finite.
        """
        with computing_with(record.environment.threads):
            again = self._score(record)
        if not again["key"].equals(kept["key"]):
            raise InputError("its scores are of other images")
        known = [metrics.load(name) for name in metrics.names()]
        found = evaluate(again, [metric for metric in known if metric.is_in(record)])
        for name, figure in found.summary.items():
            before = (record.summary or {})[name]
            if not math.isclose(figure, before, rel_tol=NEAR, abs_tol=NEAR):
                raise InputError(
                    f"the weights that were kept give {name} {figure:.6g} on this device, and its "
                    f"record has {before:.6g}"
                )
        return kept.join(again[again.columns.difference(kept.columns, sort=False)])

    def _score(self, record: Record) -> pd.DataFrame:
        cell = record.cell
        weights = None if cell.loss is None else self._weights(record)
        context = self._context(record)
        changes = ", ".join(changed(record.provenance, context.inventory.of(cell)))
        if changes:
            raise InputError(changes)
        dataset, split = context.loader.dataset, context.split
        if weights is None:
            return baselines.score(cell.architecture.name, dataset, split)[0]
        last = cell.train.recipes()[-1]
        return score(
            place_network(Description.of(cell).build(weights), context),
            context.loader,
            split.test,
            batch_size=last.batch_size,
            precision=last.precision,
            tasks=tuple(task for task in cell.tasks if task in dataset.tasks),
        )

    def _weights(self, record: Record) -> bytes:
        """The weights that the figures of a record are of."""
        weights = load.weights(self._results, record)
        curve = record.training.curve if record.training else ()
        if record.weights == "last" and curve and not curve[-1].selected:
            raise InputError(
                "the weights that were kept are of its last epoch, and its figures of another one"
            )
        return weights

    def _context(self, record: Record) -> RunContext:
        """What the cells of a grid share, opened once."""
        stored = self._grids.get(record.cell.id)
        if stored is None:
            raise InputError("no grid of the study asks for it any more")
        if stored.id not in self._contexts:
            # Without metrics of its own, whose files may be elsewhere.
            plain = stored.grid.model_copy(update={"metrics": Grid.model_fields["metrics"].default})
            folder = self._results.folder / places.CHECKPOINTS
            self._contexts[stored.id] = open_context(
                plain, self._device, folder, listen=self._listen
            )
        return self._contexts[stored.id]
