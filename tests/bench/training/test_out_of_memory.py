import pytest
import torch
from torch import nn

from architectures import Prediction
from bench.data.batches import Batch
from bench.machine.failure import is_out_of_memory
from bench.settings import LossPair, Recipe
from bench.training.multitask_loss import MultiTaskLoss
from bench.training.optimizer import create_optimizer
from bench.training.out_of_memory import (
    Limits,
    MemoryFallback,
    StepPlan,
    checkpointed,
    ladder,
    micro_batches,
)
from bench.training.step import train_step

CPU = torch.device("cpu")
RECIPE = Recipe(
    steps=1, optimizer="sgd", schedule="constant", precision="float32", gradient_clip=None
)


class Network(nn.Module):
    """Two blocks and a task; runs out of memory on the first calls, as often as told."""

    def __init__(self, *, norm=False, failures=0):
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(6, 4, 3, padding=1), nn.BatchNorm2d(4) if norm else nn.Identity(), nn.ReLU()
        )
        self.tasks = nn.Sequential(nn.Dropout(0.5) if norm else nn.Identity(), nn.Conv2d(4, 2, 1))
        self.failures, self.seen = failures, []

    def forward(self, background, composite):
        self.seen.append(len(composite))
        features = self.block(torch.cat([background, composite], dim=1))
        if self.failures:
            self.failures -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return Prediction(*self.tasks(features).split(1, dim=1))


def create(**options):
    torch.manual_seed(0)
    return Network(**options)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(8, channels, 16, 16, generator=generator) for channels in (3, 3, 1, 1)]
    valid = torch.ones(8, 1, 16, 16)
    valid[:3, :, :8] = 0
    return Batch(*images, depth_valid=valid)


def update(model, batch, fallback):
    objectives = MultiTaskLoss(LossPair(mask="bce", depth="l1"))
    optimizer = create_optimizer(model, RECIPE)
    return fallback.run(
        lambda plan: train_step(
            model,
            objectives,
            optimizer,
            batch,
            RECIPE,
            device=CPU,
            accumulation_steps=plan.accumulation_steps,
        )
    )


def weights(model):
    return torch.cat([value.flatten().float() for value in model.state_dict().values()])


def test_the_ladder_halves_the_parts_and_then_recomputes():
    assert ladder(8) == [StepPlan(1), StepPlan(2), StepPlan(4), StepPlan(4, checkpointing=True)]
    assert ladder(3) == [StepPlan(1), StepPlan(1, checkpointing=True)]


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_step_that_does_not_fit_makes_the_same_update_in_parts(batch, failures):
    whole, sparing = create(), create(failures=failures)
    expected = update(whole, batch, MemoryFallback(whole, (16, 16), 8, Limits()))
    fallback = MemoryFallback(sparing, (16, 16), 8, Limits())
    found = update(sparing, batch, fallback)
    assert fallback.plan == ladder(8)[failures]
    assert torch.allclose(weights(sparing), weights(whole), atol=1e-7)
    assert found.total.item() == pytest.approx(expected.total.item(), abs=1e-6)
    assert found.tasks["depth"].item() == pytest.approx(expected.tasks["depth"].item(), abs=1e-6)
    # Once it fits, it is not tried again on a lower rung.
    sparing.seen.clear()
    update(sparing, batch, fallback)
    assert (
        sparing.seen == [8 // fallback.plan.accumulation_steps] * fallback.plan.accumulation_steps
    )


def test_what_does_not_fit_at_all_says_what_it_asked_for(batch):
    model = create(failures=4)
    with pytest.raises(torch.OutOfMemoryError, match=r"2\.00 GiB"):
        update(model, batch, MemoryFallback(model, (16, 16), 8, Limits()))


def test_another_error_is_not_tried_again(batch):
    model = create()
    fallback = MemoryFallback(model, (16, 16), 8, Limits())

    def fail(_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        fallback.run(fail)
    assert fallback.plan == StepPlan()


def test_a_failed_try_leaves_no_trace_in_the_statistics(batch):
    model = create(norm=True, failures=1)
    before = model.block[1].running_mean.clone()
    fallback = MemoryFallback(model, (16, 16), 8, Limits())
    seen = []
    fallback.run(
        lambda plan: (
            seen.append(model.block[1].running_mean.clone()),
            model(batch.background, batch.composite),
        )
    )
    assert torch.equal(seen[1], before)


def test_a_size_that_failed_is_not_tried_by_a_larger_network():
    small, large = nn.Linear(2, 2), nn.Linear(20, 20)
    limits = Limits()
    limits.note((64, 64), 8, sum(p.numel() for p in small.parameters()), 1)
    assert MemoryFallback(small, (64, 64), 8, limits).plan == StepPlan(4)
    assert MemoryFallback(large, (64, 64), 8, limits).plan == StepPlan(4)
    assert MemoryFallback(large, (32, 32), 8, limits).plan == StepPlan()
    assert MemoryFallback(large, (64, 64), 4, limits).plan == StepPlan()
    assert MemoryFallback(nn.Linear(1, 1), (64, 64), 8, limits).plan == StepPlan()


def test_recomputing_changes_no_gradient_and_counts_no_batch_twice(batch):
    plain, recomputing = create(norm=True), create(norm=True)
    for model in (plain, recomputing):
        torch.manual_seed(5)  # of the dropout
        if model is recomputing:
            with checkpointed(model):
                prediction = model(batch.background, batch.composite)
                (prediction.mask_logits.mean() + prediction.depth_logits.square().mean()).backward()
        else:
            prediction = model(batch.background, batch.composite)
            (prediction.mask_logits.mean() + prediction.depth_logits.square().mean()).backward()
    for one, other in zip(plain.parameters(), recomputing.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-7)
    assert torch.equal(weights(plain), weights(recomputing))
    assert "forward" not in vars(recomputing.block)


def test_recomputing_keeps_less_for_the_way_back(batch):
    def kept(model):
        sizes = []

        def pack(tensor):
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model(batch.background, batch.composite)
        return sum(sizes)

    model = create(norm=True)
    plain = kept(model)
    with checkpointed(model):
        assert kept(model) < plain / 2


def test_parts_hold_every_image_once_and_their_shares_add_up(batch):
    parts = list(micro_batches(batch, 3))
    assert [len(part.mask) for part, _ in parts] == [3, 3, 2]
    assert torch.equal(torch.cat([part.mask for part, _ in parts]), batch.mask)
    assert [part.mask_valid for part, _ in parts] == [None] * 3
    known = batch._replace(mask_valid=batch.depth_valid)
    assert [len(part.mask_valid) for part, _ in micro_batches(known, 3)] == [3, 3, 2]
    assert sum(share for _, share in parts) == pytest.approx(1)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("x"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("shape mismatch"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_which_errors_say_that_memory_ran_out(error, expected):
    assert is_out_of_memory(error) is expected
