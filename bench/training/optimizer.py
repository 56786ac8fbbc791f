"""What updates the weights, and at which rate."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import lr_scheduler

from bench.errors import TrainingError
from bench.settings import Recipe


def create_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimizer that the recipe names, in its fused form, for what is not frozen."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise TrainingError(f"nothing to learn: freeze: {', '.join(recipe.freeze)} leaves nothing")
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            fused=True,
        )
    adam = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)


def create_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, total_steps: int, steps_per_epoch: int
) -> lr_scheduler.LRScheduler:
    """The course of the learning rate over a stage, to be stepped after every update."""
    schedule = recipe.schedule
    match schedule.name:
        case "one_cycle":
            # A cycle longer than the stage is cut off by it, as it was in some published runs.
            cycle_steps = max(total_steps, (schedule.epochs or 0) * steps_per_epoch)
            return lr_scheduler.OneCycleLR(
                optimizer,
                max_lr=recipe.learning_rate,
                total_steps=max(2, cycle_steps),
                pct_start=schedule.pct_start,
                anneal_strategy=schedule.anneal_strategy,
                div_factor=schedule.div_factor,
                final_div_factor=schedule.final_div_factor,
                base_momentum=schedule.base_momentum,
                max_momentum=schedule.max_momentum,
            )
        case "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, T_max=total_steps)
        case "constant":
            return lr_scheduler.ConstantLR(optimizer, factor=1)
