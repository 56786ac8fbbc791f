"""One update of the weights."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import nn

from bench.data.batches import Batch
from bench.errors import TrainingError
from bench.settings import Recipe
from bench.training.multitask_loss import LossValues, MultiTaskLoss, Scale, scale_of
from bench.training.out_of_memory import BeforeStep, micro_batches
from bench.training.replica import NetworkWithLosses, Replica


def train_step(
    model: nn.Module,
    objectives: MultiTaskLoss,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    recipe: Recipe,
    *,
    device: torch.device,
    accumulation_steps: int = 1,
    replica: Replica | None = None,
) -> LossValues:
    """Update the weights once and return the losses, still on the device.

    The update comes last, so that a step that runs out of memory has changed no weight.

    Args:
        model: in training mode, on the device.
        objectives: the losses.
        optimizer: of both's parameters.
        batch: B samples, augmented; of several processes' batch, those of this one.
        recipe: with precision and gradient clip.
        device: that computes.
        accumulation_steps: micro-batches, one after the other, whose gradients add up to those of
            the whole batch.
        replica: of the model and the losses, where several processes have one.

    Raises:
        TrainingError: no parameter that learns has any part in the losses.
    """
    optimizer.zero_grad(set_to_none=True)
    if replica is None:
        replica = Replica(NetworkWithLosses(model, objectives, device, recipe.precision))
    passes = functools.partial(_passes, replica, batch, accumulation_steps)
    scale = objectives.scale
    if scale is None and accumulation_steps * replica.size > 1:
        before = BeforeStep(model, optimizer, device)
        before.keep()
        try:
            with torch.no_grad():
                first = functools.reduce(LossValues.plus, passes(scale=None))
                scale = scale_of(replica.whole(first).terms)
        finally:
            before.restore()
    found = []
    for losses in passes(scale=scale):
        if not losses.total.requires_grad:
            raise TrainingError("nothing to learn: the losses reach no parameter that learns")
        replica.backward(losses.total)
        found.append(losses.detached())
    whole = replica.whole(functools.reduce(LossValues.plus, found))
    if scale is None:
        scale = scale_of(whole.terms)
    if recipe.gradient_clip is not None:
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        nn.utils.clip_grad_norm_(learning, recipe.gradient_clip)
    optimizer.step()
    objectives.scale = scale
    return whole


def _passes(
    replica: Replica, batch: Batch, count: int, *, scale: Scale | None
) -> Iterator[LossValues]:
    """Give the losses of each micro-batch, times its share of the images."""
    parts = micro_batches(batch, count, replica.images(batch))
    for number, (part, share) in enumerate(parts, 1):
        yield replica.losses(part, scale, is_last=number == count).scaled(share)
