import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from architectures import Prediction
from bench.data.batches import Batch
from bench.errors import TrainingError
from bench.settings import LossPair
from bench.training.multitask_loss import MultiTaskLoss, scale_of
from bench.training.teacher import StudentTeacher

IMAGE = torch.zeros(1, 3, 2, 2)
BATCH = Batch(
    background=IMAGE,
    composite=IMAGE,
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
    pair = LossPair(mask="l1", depth="l1 + mse", balance="equal_scale")
    objectives = MultiTaskLoss(pair)
    first = objectives(HALF, BATCH)
    assert first.total.item() == pytest.approx(3)
    objectives.scale = scale_of(first.terms)
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


def test_pixels_of_unknown_mask_count_in_no_mask_loss():
    known = torch.tensor([[[[0.0, 1.0], [1.0, 1.0]]]])
    sure = HALF._replace(mask_logits=torch.tensor([[[[-50.0, -50.0], [-50.0, 0.0]]]]))
    pair = LossPair(mask="l1")
    # The object's one pixel is missed, and another is 1/2 wrong; without the first, of three.
    assert MultiTaskLoss(pair)(sure, BATCH).total.item() == pytest.approx(1.5 / 4)
    ignoring = MultiTaskLoss(pair)(sure, BATCH._replace(mask_valid=known))
    assert ignoring.total.item() == pytest.approx(0.5 / 3)


def images(values):
    return torch.tensor(values)[None, None]


# Depth at 4 x 4 px, of which the pixels of odd rows and columns are those at half size.
FINE = Batch(
    background=torch.zeros(1, 3, 4, 4),
    composite=torch.zeros(1, 3, 4, 4),
    mask=images([[0.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]),
    depth=images([[9.0, 9, 9, 9], [9, 0.1, 9, 0.2], [9, 9, 9, 9], [9, 0.3, 9, 0.9]]),
    depth_valid=images([[1.0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]]),
)
COARSE = Prediction(
    mask_logits=torch.full((1, 1, 4, 4), 50.0),
    depth_logits=torch.full((1, 1, 4, 4), 50.0),
    native_mask_logits=torch.zeros(1, 1, 2, 2),
    native_depth_logits=torch.zeros(1, 1, 2, 2),
)


def test_at_native_size_the_networks_own_logits_meet_the_pixels_under_their_centers():
    found = MultiTaskLoss(LossPair(mask="l1", depth="l1 + gradient_l1"), size="native")(
        COARSE, FINE
    )
    assert found.tasks["mask"].item() == pytest.approx(0.5)  # 1/2 against 1, 0, 0 and 1
    # 1/2 against 0.1, 0.2 and 0.3; the fourth has no reading, nor have its two differences.
    assert found.terms["depth"]["l1"].item() == pytest.approx((0.4 + 0.3 + 0.2) / 3)
    assert found.terms["depth"]["gradient_l1"].item() == pytest.approx(0.1 + 0.2)


def test_at_native_size_an_unknown_mask_counts_for_nothing():
    known = FINE.mask.new_ones(FINE.mask.shape)
    known[..., 3, 3] = 0
    logits = COARSE._replace(native_mask_logits=images([[0.0, -50], [-50, -50]]))
    objectives = MultiTaskLoss(LossPair(mask="l1"), size="native")
    assert objectives(logits, FINE).total.item() == pytest.approx((0.5 + 1) / 4)
    ignoring = objectives(logits, FINE._replace(mask_valid=known))
    assert ignoring.total.item() == pytest.approx(0.5 / 3)


@pytest.mark.parametrize("size", [(24, 17), (20, 32), (47, 64)])
def test_targets_are_brought_down_as_pillow_does_it_by_nearest(size):
    depth = np.random.default_rng(0).random((47, 64), dtype=np.float32)
    expected = np.asarray(Image.fromarray(depth).resize(size[::-1], Image.Resampling.NEAREST))
    batch = BATCH._replace(
        depth=torch.tensor(depth)[None, None], depth_valid=torch.ones(1, 1, 47, 64)
    )
    logits = torch.tensor(expected, dtype=torch.float64).logit()[None, None]
    prediction = HALF._replace(depth_logits=logits, native_depth_logits=logits)
    found = MultiTaskLoss(LossPair(depth="l1"), size="native")(prediction, batch)
    assert found.total.item() == pytest.approx(0, abs=1e-6)


def test_a_network_without_a_size_of_its_own_is_told_so():
    objectives = MultiTaskLoss(LossPair(depth="l1"), size="native")
    with pytest.raises(TrainingError, match="native: the network predicts the depth at full size"):
        objectives(HALF, BATCH)


class HalfSizeTeacher(nn.Module):
    """Sees as depth how red every second pixel is."""

    def forward(self, background, composite):
        native = composite[:, :1, ::2, ::2]
        full = nn.functional.interpolate(native, scale_factor=2, mode="bilinear")
        return Prediction(None, full, None, native)


class Student(nn.Module):
    def __init__(self, logit):
        super().__init__()
        self.logit = logit

    def forward(self, background, composite):
        return Prediction(torch.full_like(composite[:, :1], self.logit), None)


def test_a_teacher_of_half_size_is_compared_with_itself_at_half_size():
    composite = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    pair = LossPair(mask="sparsity", depth="l1 + gradient_l1")
    batch = Batch(composite, composite, *(composite.new_zeros(3, 2, 1, 8, 8)))
    for logit, consistent in ((50.0, True), (-50.0, False)):
        network = StudentTeacher(Student(logit), HalfSizeTeacher())
        truth = network.pseudo_label(batch, "native")
        assert truth.depth.shape == (2, 1, 4, 4)
        found = MultiTaskLoss(pair, size="native")(network(composite, composite), truth)
        assert found.tasks["mask"].item() == pytest.approx(
            float(logit > 0)
        )  # at its own size: all pixels
        assert (found.tasks["depth"].item() < 1e-6) is consistent
