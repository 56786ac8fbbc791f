import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from architectures import Prediction
from bench.data.batches import Batch
from bench.machine.memory import PeakMemory
from bench.settings import LossPair, Recipe
from bench.training.multitask_loss import MultiTaskLoss
from bench.training.optimizer import create_optimizer
from bench.training.out_of_memory import (
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
    """Two blocks and a task; runs out of memory on the given calls."""

    def __init__(self, *, norm=False, failures=()):
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(6, 4, 3, padding=1), nn.BatchNorm2d(4) if norm else nn.Identity(), nn.ReLU()
        )
        self.tasks = nn.Sequential(nn.Dropout(0.5) if norm else nn.Identity(), nn.Conv2d(4, 2, 1))
        self.failures, self.seen = failures, []

    def forward(self, background, composite):
        self.seen.append(len(composite))
        features = self.block(torch.cat([background, composite], dim=1))
        prediction = self.tasks(features)
        if len(self.seen) - 1 in self.failures:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return Prediction(*prediction.split(1, dim=1))


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


class Training:
    """Steps of a training on one batch, as the ladder makes them."""

    def __init__(self, model, batch, recipe=RECIPE, plans=None):
        self.model, self.batch, self.recipe = model, batch, recipe
        self.objectives = MultiTaskLoss(LossPair(mask="bce", depth="l1"))
        self.optimizer = create_optimizer(model, recipe)
        self.fallback = MemoryFallback(
            plans or ladder(len(batch.mask), StepPlan()),
            model,
            self.optimizer,
            CPU,
            PeakMemory(CPU),
        )
        torch.manual_seed(3)  # of the dropout

    def step(self):
        return self.fallback.run(self.update)

    def update(self, plan):
        return train_step(
            self.model,
            self.objectives,
            self.optimizer,
            self.batch,
            self.recipe,
            device=CPU,
            accumulation_steps=plan.accumulation_steps,
        )

    def state(self):
        """All that the next step depends on."""
        state = list(self.model.state_dict().values())
        for kept in self.optimizer.state.values():
            state += [kept[name] for name in sorted(kept)]
        return [value.double() for value in state] + [torch.get_rng_state()]


def same(one, other):
    return len(one) == len(other) and all(map(torch.equal, one, other))


def weights(model):
    return torch.cat([value.flatten().float() for value in model.state_dict().values()])


def test_the_ladder_halves_the_parts_and_then_recomputes():
    recomputing = StepPlan(4, checkpointing=True)
    assert ladder(8, StepPlan()) == [StepPlan(1), StepPlan(2), StepPlan(4), recomputing]
    assert ladder(3, StepPlan()) == [StepPlan(1), StepPlan(1, checkpointing=True)]


def test_the_ladder_begins_with_the_given_plan():
    assert ladder(16, StepPlan(3)) == [StepPlan(3), StepPlan(6), StepPlan(6, checkpointing=True)]
    assert ladder(8, StepPlan(2, checkpointing=True)) == [StepPlan(2, checkpointing=True)]


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_step_that_does_not_fit_makes_the_same_update_in_parts(batch, failures):
    whole = Training(create(), batch)
    sparing = Training(create(failures=range(failures)), batch)
    expected, found = whole.step(), sparing.step()
    assert sparing.fallback.plan == ladder(8, StepPlan())[failures]
    assert torch.allclose(weights(sparing.model), weights(whole.model), atol=1e-7)
    assert found.total.item() == pytest.approx(expected.total.item(), abs=1e-6)
    assert found.tasks["depth"].item() == pytest.approx(expected.tasks["depth"].item(), abs=1e-6)
    # Once it fits, it is not tried again on a lower rung.
    sparing.model.seen.clear()
    sparing.model.failures = ()
    sparing.step()
    parts = sparing.fallback.plan.accumulation_steps
    assert sparing.model.seen == [8 // parts] * parts


def test_what_does_not_fit_at_all_says_what_it_asked_for(batch):
    training = Training(create(failures=range(4)), batch)
    with pytest.raises(torch.OutOfMemoryError, match=r"2\.00 GiB"):
        training.step()
    assert training.model.seen == [8, 4, 2, 2]


def test_another_error_is_not_tried_again(batch):
    training = Training(create(), batch)

    def fail(_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        training.fallback.run(fail)
    assert training.fallback.plan == StepPlan()


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("failing", [0, 2])
def test_a_step_that_failed_is_made_again_from_where_it_began(batch, failing, optimizer):
    """The same weights, statistics, optimizer and dropout as if it had never been tried whole."""
    recipe = RECIPE.model_copy(update={"optimizer": optimizer, "gradient_clip": 1.0})
    failed = Training(create(norm=True, failures=[failing]), batch, recipe)
    expected = Training(create(norm=True), batch, recipe)
    for number in range(4):
        expected.update(StepPlan(2 if number >= failing else 1))
    wanted = expected.state()
    torch.manual_seed(3)
    for _ in range(4):
        failed.step()
    assert same(failed.state(), wanted)
    assert int(failed.model.block[1].num_batches_tracked) == failing + 2 * (4 - failing)


@pytest.mark.parametrize("failing", [0, 3, 5])
@pytest.mark.parametrize("optimizer", ["adamw", "adam"])
def test_a_state_of_the_optimizer_is_made_whole_or_not_at_all(
    batch, monkeypatch, failing, optimizer
):
    recipe = RECIPE.model_copy(update={"optimizer": optimizer})
    expected = Training(create(), batch, recipe, plans=[StepPlan(2)])
    expected.step()
    expected.step()
    original, calls = torch.zeros_like, []

    def zeros_like(*arguments, **options):
        calls.append(arguments)
        if len(calls) - 1 == failing:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return original(*arguments, **options)

    training = Training(create(), batch, recipe)
    monkeypatch.setattr(torch, "zeros_like", zeros_like)
    training.step()
    training.step()
    assert training.fallback.plan == StepPlan(2)
    assert same(training.state()[:-1], expected.state()[:-1])


def test_a_buffer_that_the_network_replaces_is_put_back_too(batch):
    class Counting(Network):
        def __init__(self, **options):
            super().__init__(**options)
            self.register_buffer("calls", torch.zeros(1))
            self.register_buffer("sizes", torch.zeros(0))

        def forward(self, background, composite):
            self.calls = self.calls + 1
            self.sizes = torch.cat([self.sizes, torch.full((1,), float(len(composite)))])
            return super().forward(background, composite)

    training = Training(Counting(failures=[1]), batch)
    for _ in range(3):
        training.step()
    assert training.model.calls.item() == 1 + 2 + 2
    assert training.model.sizes.tolist() == [8, 4, 4, 4, 4]


def test_what_a_plan_took_that_was_given_up_does_not_count(batch):
    class Hungry(Network):
        def forward(self, background, composite):
            block = torch.ones(2**20 * 40 * len(composite), dtype=torch.uint8)
            del block
            return super().forward(background, composite)

    memory = PeakMemory(CPU)
    if memory.mib() is None:
        pytest.skip("this system cannot tell the peak of memory")
    training = Training(Hungry(failures=[1]), batch)
    training.fallback = MemoryFallback(
        ladder(8, StepPlan()), training.model, training.optimizer, CPU, memory
    )
    training.step()
    assert memory.mib() > 300  # 8 images of 40 MiB
    training.step()
    assert 140 < memory.mib() < 220  # 4 of them


def test_what_a_step_changes_is_kept_by_one_operation(batch):
    class Operations(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.seen = []

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.seen.append(str(func))
            return func(*args, **(kwargs or {}))

    training = Training(create(norm=True), batch)
    with Operations() as operations:
        training.fallback.run(lambda _: None)
    assert operations.seen == ["aten._foreach_copy_.default"]


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
