import math

import pytest
import torch

from architectures import Prediction
from bench.data.batches import Batch
from bench.errors import TrainingError
from bench.settings import LossPair
from bench.training.multitask_loss import MultiTaskLoss

PICTURE = torch.zeros(1, 3, 2, 2)
BATCH = Batch(
    background=PICTURE,
    composite=PICTURE,
    mask=torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]]),
    depth=torch.full((1, 1, 2, 2), 0.25),
    depth_valid=torch.ones(1, 1, 2, 2),
)
# Probability 1/2 everywhere: the mask's L1 is 1/2, its MSE 1/4, depth's L1 is 1/4, its MSE 1/16.
HALF = Prediction(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))


def test_fixed_factors_weigh_the_heads():
    pair = LossPair(mask="l1", depth="l1 + 2*mse", balance={"mask": 2, "depth": 3})
    found = MultiTaskLoss(pair)(HALF, BATCH)
    assert found.tasks["mask"].item() == pytest.approx(0.5)
    assert found.tasks["depth"].item() == pytest.approx(0.25 + 2 / 16)
    assert found.total.item() == pytest.approx(2 * 0.5 + 3 * 0.375)
    assert {text: v.item() for text, v in found.terms["depth"].items()} == pytest.approx(
        {"l1": 0.25, "mse": 0.125}
    )


def test_uncertainty_starts_as_the_plain_sum_and_learns_its_factors():
    objectives = MultiTaskLoss(LossPair(mask="l1", depth="l1", balance="uncertainty"))
    assert objectives(HALF, BATCH).total.item() == pytest.approx(0.75)
    with torch.no_grad():
        objectives.log_variances["mask"].fill_(math.log(2))
    found = objectives(HALF, BATCH)
    assert found.total.item() == pytest.approx(0.5 / 2 + math.log(2) / 2 + 0.25)
    found.total.backward()
    # d/ds (exp(-s) L + s / 2)
    assert objectives.log_variances["mask"].grad.item() == pytest.approx(-0.25 + 0.5)
    assert objectives.log_variances["depth"].grad.item() == pytest.approx(-0.25 + 0.5)


def test_equal_scale_counts_every_term_as_one_at_first():
    pair = LossPair(mask="l1", depth="l1 + 0.001*mse", balance="equal_scale")
    objectives = MultiTaskLoss(pair)
    assert objectives(HALF, BATCH).total.item() == pytest.approx(3)
    better = Prediction(HALF.mask_logits, torch.full((1, 1, 2, 2), math.log(0.375 / 0.625)))
    # depth's error fell from 1/4 to 1/8: its L1 to a half, its MSE to a quarter
    assert objectives(better, BATCH).total.item() == pytest.approx(1 + 0.5 + 0.25)


def test_a_loss_of_one_head_leaves_the_other_alone():
    found = MultiTaskLoss(LossPair(depth="l1"))(HALF, BATCH)
    assert found.total.item() == pytest.approx(0.25)
    assert list(found.tasks) == ["depth"]


def test_a_loss_for_a_head_that_is_not_predicted_is_an_error():
    with pytest.raises(TrainingError, match="the network predicts no depth"):
        MultiTaskLoss(LossPair(depth="l1"))(HALF._replace(depth_logits=None), BATCH)
