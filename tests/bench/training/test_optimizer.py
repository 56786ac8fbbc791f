"""What updates the weights is what the recipe says."""

import pytest
import torch
from torch import nn

from bench.errors import TrainingError
from bench.settings import Train
from bench.training.optimizer import create_optimizer, create_schedule


def course(steps, **settings):
    """Learning rate and momentum of each step of a stage of SGD, with two steps an epoch."""
    (recipe,) = Train(steps=steps, optimizer="sgd", learning_rate=1.0, **settings).recipes()
    optimizer = create_optimizer(nn.Linear(1, 1), recipe)
    schedule = create_schedule(optimizer, recipe, steps, steps_per_epoch=2)
    found = []
    for _ in range(steps):
        (group,) = optimizer.param_groups
        found.append((group["lr"], group["momentum"], group["nesterov"]))
        optimizer.step()
        schedule.step()
    return found


def test_the_momentum_of_the_recipe_is_that_of_sgd():
    assert course(1, schedule="constant") == [(1.0, 0.9, False)]
    given = course(1, schedule="cosine", momentum=0.5, nesterov=True)
    assert given == [(1.0, 0.5, True)]


def test_one_cycle_moves_the_momentum_against_the_rate():
    cycle = {"pct_start": 0.6, "anneal_strategy": "linear", "div_factor": 4, "final_div_factor": 4}
    # Up in two steps and down in two, the rate from 1/4 and to 1/16.
    rates = [1 / 4, 5 / 8, 1, 17 / 32, 1 / 16]
    found = course(5, schedule=cycle)
    assert [rate for rate, _, _ in found] == pytest.approx(rates)
    assert [m for _, m, _ in found] == pytest.approx([0.95, 0.9, 0.85, 0.9, 0.95])
    found = course(5, schedule=cycle | {"base_momentum": 0.1, "max_momentum": 0.5})
    assert [m for _, m, _ in found] == pytest.approx([0.5, 0.3, 0.1, 0.3, 0.5])


def test_a_cycle_that_ends_before_the_steps_do_is_an_error():
    course(4, schedule={"epochs": 2})
    with pytest.raises(TrainingError, match=r"epochs: 2 epochs are 4 steps, fewer than the 5"):
        course(5, schedule={"epochs": 2})


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_adams_are_created_with_rate_and_decay(name, kind):
    (recipe,) = Train(
        steps=1, optimizer=name, learning_rate=0.5, weight_decay=0.25, schedule="constant"
    ).recipes()
    optimizer = create_optimizer(nn.Linear(1, 1), recipe)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.25)
