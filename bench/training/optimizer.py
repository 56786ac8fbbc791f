"""What updates the weights, and at which rate."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import lr_scheduler

from bench.errors import TrainingError
from bench.settings import Recipe


def create_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer that the recipe names, in its fused form, for what is not frozen.

    Raises:
        TrainingError: everything is frozen.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise TrainingError(f"nothing to learn: freeze: {', '.join(recipe.freeze)} leaves nothing")
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            momentum=recipe.sgd_momentum,
            nesterov=recipe.nesterov,
            fused=True,
        )
    adam = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)


def create_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, total_steps: int, steps_per_epoch: int
) -> lr_scheduler.LRScheduler:
    """Return the course of the learning rate over a stage, to be stepped after every update.

    Args:
        optimizer: whose rate and momentum it moves.
        recipe: with the schedule.
        total_steps: updates of the weights in the stage.
        steps_per_epoch: of these, in one epoch.

    Raises:
        TrainingError: the stage goes on after the end of its one cycle.
    """
    schedule = recipe.schedule
    match schedule.name:
        case "one_cycle":
            # A cycle longer than the stage is cut off by it, as it was in some published runs.
            cycle_steps = total_steps
            if schedule.epochs is not None:
                cycle_steps = schedule.epochs * steps_per_epoch
            if cycle_steps < total_steps:
                raise TrainingError(
                    f"schedule.epochs: {schedule.epochs} epochs are {cycle_steps} steps, fewer "
                    f"than the {total_steps} of training"
                )
            return lr_scheduler.OneCycleLR(
                optimizer,
                max_lr=recipe.learning_rate,
                total_steps=max(2, cycle_steps),
                **schedule.model_dump(exclude={"name", "epochs"}),
            )
        case "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, T_max=total_steps)
        case "constant":
            return lr_scheduler.ConstantLR(optimizer, factor=1)
