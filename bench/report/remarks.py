"""What is worth saying about a complete cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bench.study.cell_scores import CellScores
from bench.study.record import Execution, Record, Training

UNLIKE_TERMS = 10.0  # terms of a mixture that differ more than so many times, not counting what the
# weights that were written ask for, are remarked on
NEGLIGIBLE = 100.0  # terms that differ more than so many times are, whatever was written
STILL_IMPROVING = 0.02  # of IoU or RMSE on validation, over the last quarter of the epochs: more
# than one seed differs from another, as a rule


class Note(NamedTuple):
    """A remark on some seeds of a row."""

    text: str
    seeds: tuple[int, ...]

    @property
    def which(self) -> str:
        """The seeds in words."""
        return f"seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))}"

    def __str__(self) -> str:
        return f"{self.which}: {self.text}"


def remarks_on(record: Record, scores: CellScores | None) -> Iterator[str]:
    """Give what makes a cell's figures mean less than they seem to, and how it was carried out.

    Args:
        record: of the cell.
        scores: what its tables say, where they can be read.
    """
    for what in (scores.collapsed if scores else {}).values():
        yield f"collapsed: {what} for every image"
    if record.training is not None:
        yield from _still_improving(record.training)
    yield from _unlike_terms(record)
    stages = record.training.executions if record.training else ()
    yield from dict.fromkeys(line for stage in stages for line in _plan(stage))
    yield from record.problems.values()


def _still_improving(training: Training) -> Iterator[str]:
    """Whether more epochs would have led further, by what is known of the validation images."""
    last = [epoch for epoch in training.curve if epoch.stage == training.curve[-1].stage]
    before = last[-1 - max(1, len(last) // 4)] if len(last) > 1 else None
    if before is None or not last[-1].selected:
        return
    gains = {
        name: sign * (last[-1].val[metric] - before.val[metric])
        for metric, sign, name in (("iou", 1, "IoU"), ("rmse", -1, "RMSE"))
        if metric in last[-1].val and metric in before.val
    }
    for name, gain in gains.items():
        if gain > STILL_IMPROVING:
            yield f"not converged: {name} on validation still improving at the last epoch"


def _plan(execution: Execution) -> Iterator[str]:
    """Among which devices a stage's batches were divided, and how they were made to fit."""
    if execution.devices > 1:
        synchronised = "; BatchNorm saw them all (SyncBatchNorm)"
        yield (
            f"each batch divided among {execution.devices} devices"
            f"{synchronised if execution.sync_batch_norm else ''}"
        )
    because = " (out of memory)" if execution.out_of_memory else ""
    if execution.accumulation_steps > 1:
        yield (
            f"gradient accumulation over {execution.accumulation_steps} micro-batches{because}; "
            "BatchNorm statistics are per micro-batch"
        )
    if execution.checkpointing:
        yield f"activation checkpointing{because}"


def _unlike_terms(record: Record) -> Iterator[str]:
    """What to say of the terms of mixtures that hardly count beside another."""
    tasks: dict[tuple[str, str], dict[str, None]] = {}  # of two terms, the smaller one first
    scales = record.training.terms if record.training else ()
    for stage, task in dict.fromkeys((scale.stage, scale.task) for scale in scales):
        pair = record.cell.train.recipes()[stage].losses or record.cell.loss
        if pair is None or pair.balance.method == "equal_scale":  # which evens them out
            continue
        weights = _weights(getattr(pair, task) or "")
        for when in ("start", "end"):
            sizes = sorted(
                (abs(getattr(scale, when)), scale.term)
                for scale in scales
                if (scale.stage, scale.task) == (stage, task)
            )
            (least, small), (most, large) = sizes[0], sizes[-1]
            asked_for = max(1.0, weights.get(large, 1.0) / weights.get(small, 1.0))
            if most > least * min(UNLIKE_TERMS * asked_for, NEGLIGIBLE):
                tasks.setdefault((small, large), {})[task] = None
    for (small, large), trained in tasks.items():
        yield (
            f"{small} is less than a tenth of {large} in the loss of the {' and '.join(trained)}: "
            "another weight, or `balance: equal_scale`, would let it count"
        )


def _weights(expression: str) -> dict[str, float]:
    """The weight of each term of a canonical loss expression, by the term without it.

    `losses.parse` gives them too, and imports torch for the options of a term.
    """
    parts = (term.rpartition("*") for term in expression.split(" + "))
    return {term: float(weight or 1) for weight, _, term in parts}
