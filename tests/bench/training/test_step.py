"""One update of the weights: what it costs, what it leaves, and what it is made of."""

import copy

import pytest
import torch
from operations import Operations
from torch import nn

import losses
from architectures import Prediction
from bench.data.augment import augment
from bench.data.batches import Batch
from bench.settings import LossPair, Recipe
from bench.training.multitask_loss import MultiTaskLoss
from bench.training.optimizer import create_optimizer
from bench.training.step import train_step

CPU = torch.device("cpu")
PLAIN = {"optimizer": "sgd", "schedule": "constant", "precision": "float32"}
BALANCED = LossPair(mask="l1", depth="l1 + mse", balance="equal_scale")


class Network(nn.Module):
    """Two layers; with ``varies`` there is a BatchNorm and a dropout between them."""

    def __init__(self, *, varies=False, fails=False):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(6, 4, 3, padding=1)
        self.between = (
            nn.Sequential(nn.BatchNorm2d(4), nn.Dropout(0.5)) if varies else nn.Identity()
        )
        self.last = nn.Conv2d(4, 2, 1)
        self.fails = fails

    def forward(self, background, composite):
        found = self.last(self.between(self.first(torch.cat([background, composite], 1))))
        if self.fails and found.requires_grad:
            found.register_hook(self.run_out)
        return Prediction(*found.split(1, dim=1))

    def run_out(self, gradient):
        raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def batch():
    """Samples of different brightness, so that the losses of its parts differ."""
    generator = torch.Generator().manual_seed(0)
    shares = torch.linspace(0.1, 1, 8).view(8, 1, 1, 1)
    background, composite, mask, depth = (
        shares * torch.rand(8, channels, 16, 16, generator=generator) for channels in (3, 3, 1, 1)
    )
    valid = torch.ones(8, 1, 16, 16)
    valid[:3, :, :8] = 0
    return Batch(background, composite, (mask > 0.3).float(), depth, valid, valid)


def step(model, batch, *, pair=BALANCED, parts=1, objectives=None, **settings):
    recipe = Recipe(steps=1, **PLAIN | settings)
    objectives = objectives or MultiTaskLoss(pair)
    optimizer = create_optimizer(nn.ModuleList([model, objectives]), recipe)
    model.train()
    return train_step(
        model, objectives, optimizer, batch, recipe, device=CPU, accumulation_steps=parts
    )


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_clipping_counts_the_gradients_of_what_learns_alone(batch):
    clean, stale = Network(), Network()
    for model in (clean, stale):
        model.first.requires_grad_(requires_grad=False)
    for parameter in stale.first.parameters():  # as an earlier stage left them
        parameter.grad = torch.full_like(parameter, 1e3)
    for model in (clean, stale):
        step(model, batch, gradient_clip=1e-2)
    assert torch.equal(weights(stale), weights(clean))
    assert not torch.equal(weights(stale), weights(Network()))


def test_the_first_parts_do_not_set_the_scale_of_the_whole_batch(batch):
    whole, in_parts = Network(), Network()
    settings = {"learning_rate": 0.1, "gradient_clip": None}
    expected = step(whole, batch, **settings)
    found = step(in_parts, batch, parts=3, **settings)
    assert found.total.item() == pytest.approx(3)  # three terms, each as its own scale
    assert found.total.item() == pytest.approx(expected.total.item())
    torch.testing.assert_close(weights(in_parts), weights(whole))


def test_finding_the_scale_of_parts_leaves_no_trace(batch):
    """Neither in BatchNorm's statistics nor in the random numbers of dropout."""
    plain, balanced = Network(varies=True), Network(varies=True)
    found = {}
    for model, pair in (
        (plain, BALANCED.model_copy(update={"balance": LossPair(mask="l1").balance})),
        (balanced, BALANCED),
    ):
        torch.manual_seed(1)
        found[pair.balance.method] = step(model, batch, pair=pair, parts=4)
        found[pair.balance.method, "next"] = torch.rand(3)
    assert found["fixed"].terms == found["equal_scale"].terms
    assert torch.equal(found["fixed", "next"], found["equal_scale", "next"])
    assert dict(plain.named_buffers()).keys() == dict(balanced.named_buffers()).keys()
    for one, other in zip(plain.buffers(), balanced.buffers(), strict=True):
        assert torch.equal(one, other)
    assert balanced.between[0].num_batches_tracked == 4


@pytest.mark.parametrize("parts", [1, 4])
def test_a_step_that_runs_out_of_memory_sets_no_scale(batch, parts):
    model, objectives = Network(fails=True), MultiTaskLoss(BALANCED)
    with pytest.raises(torch.OutOfMemoryError):
        step(model, batch, parts=parts, objectives=objectives)
    assert objectives.scale is None
    model.fails = False
    step(model, batch, parts=parts, objectives=objectives)
    assert objectives.scale.keys() == {"mask", "depth"}


def test_the_scale_of_the_first_step_stays(batch):
    model, objectives = Network(), MultiTaskLoss(BALANCED)
    first = step(model, batch, objectives=objectives, learning_rate=0.5)
    scale = copy.deepcopy(objectives.scale)
    second = step(model, batch, objectives=objectives, learning_rate=0.5)
    assert objectives.scale == scale
    expected = sum(
        (second.terms[task][text] / value).item()
        for task, values in first.terms.items()
        for text, value in values.items()
    )
    assert second.total.item() == pytest.approx(expected)


@pytest.mark.parametrize("balance", ["fixed", "equal_scale"])
@pytest.mark.parametrize("name", losses.names())
def test_no_part_of_a_step_would_wait_for_a_device(batch, name, balance):
    pair = LossPair(mask=name, depth=name, balance=balance)
    objectives, model = MultiTaskLoss(pair), Network(varies=True)
    generator = torch.Generator().manual_seed(0)
    losses.load(name)
    with Operations() as found:
        varied = augment(batch, flip=True, color_jitter=0.1, generator=generator)
        step(model, varied, objectives=objectives, parts=2)
    assert found.waits == {}
