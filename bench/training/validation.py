"""What an epoch is worth: its figures on the validation images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from bench.errors import TrainingError
from bench.evaluation import selection
from bench.evaluation.metric import evaluate
from bench.evaluation.score import score
from bench.settings import Recipe
from bench.study.record import Summary

if TYPE_CHECKING:
    from bench.training.fit import Trainer


def validate(model: nn.Module, trainer: Trainer, recipe: Recipe) -> Summary:
    """Return the figures that select the epoch, and those of the trainer's metrics.

    Args:
        model: as the epoch left it.
        trainer: with the images, the tasks and the metrics.
        recipe: with batch size and precision.

    Raises:
        TrainingError: a prediction is not finite, or nothing can select the epoch.
    """
    metrics = {metric.name: metric for metric in (*selection.METRICS, *trainer.metrics)}
    scores = score(
        model,
        trainer.loaders[trainer.image_size],
        trainer.split.val,
        batch_size=recipe.batch_size,
        precision=recipe.precision,
        tasks=trainer.tasks,
        columns={column for metric in metrics.values() for column in metric.reads},
        subset="val",
    )
    val = evaluate(scores, metrics.values()).summary
    for metric in selection.METRICS:
        if metric.is_readable(scores) and metric.name not in val:
            raise TrainingError(
                f"no epoch can be selected: {metric.contract.label} has no value on any of the "
                f"{len(scores)} val images"
            )
    return val
