"""One update of the weights."""

from __future__ import annotations

import functools

import torch
from torch import nn

from bench.data.batches import Batch
from bench.errors import TrainingError
from bench.machine.precision import autocast
from bench.settings import Recipe
from bench.training.multitask_loss import LossValues, MultiTaskLoss
from bench.training.out_of_memory import micro_batches


def train_step(
    model: nn.Module,
    objectives: MultiTaskLoss,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    recipe: Recipe,
    *,
    device: torch.device,
    accumulation_steps: int = 1,
) -> LossValues:
    """Update the weights once and return the losses, still on the device.

    Args:
        model: in training mode, on the device.
        objectives: the losses.
        optimizer: of both's parameters.
        batch: B samples, augmented.
        recipe: with precision and gradient clip.
        device: that computes.
        accumulation_steps: micro-batches, one after the other, whose gradients add up to those of
            the whole batch.

    Raises:
        TrainingError: no parameter that learns has any part in the losses.
    """
    optimizer.zero_grad(set_to_none=True)
    losses = []
    for part, share in micro_batches(batch, accumulation_steps):
        with autocast(device, recipe.precision):
            prediction = model(part.background, part.composite)
        found: LossValues = objectives(prediction, part)
        if not found.total.requires_grad:
            raise TrainingError("nothing to learn: the losses reach no parameter that learns")
        torch.autograd.backward(found.total * share)
        losses.append(found.detached().scaled(share))
    if recipe.gradient_clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_clip)
    optimizer.step()
    return functools.reduce(LossValues.plus, losses)
