import dataclasses
import math
from functools import partial

import pytest
import torch

from bench.data.batches import Batch
from bench.errors import TrainingError
from bench.machine.load import Used
from bench.settings import Architecture, Data
from bench.study.timing_case import (
    END_TO_END,
    INFERENCE,
    LATENCY,
    TimedTraining,
    training_figure,
)
from bench.throughput import matmul, measure, workload
from bench.throughput.measure import TimedNetwork
from bench.throughput.sampling import Timer
from bench.throughput.workload import Workload

CPU = torch.device("cpu")
FORMS = list(workload.FORMS)


@pytest.fixture(autouse=True)
def hasty_side_figures(monkeypatch, hasty):
    monkeypatch.setattr(measure, "GLANCE", dataclasses.replace(hasty, rounds=1))
    monkeypatch.setattr(matmul, "GLANCE", dataclasses.replace(hasty, rounds=1))
    monkeypatch.setattr(matmul, "SIDE_ELSEWHERE", 64)


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch):
    """Whatever else it does meanwhile."""
    monkeypatch.setattr(measure, "Timer", partial(Timer, used=lambda: Used(0.0, {"1": 0.0})))


def measured(case, plan):
    network = TimedNetwork(case, plan, CPU)
    network.prepare()
    for number in range(1, plan.rounds + 1):
        result = network.visit(number)
    return result


def training(case, number=0):
    return training_figure(case.trainings[number].loss)


def test_three_figures_of_one_network(case, hasty):
    result = measured(case, hasty)
    assert result.remarks == ()
    assert list(result.timings) == [INFERENCE, training(case), LATENCY]
    assert all(len(timing.rounds) == 2 for timing in result.timings.values())
    assert result.images_per_s(INFERENCE).value == 4 / result.seconds(INFERENCE).value
    # 6x8 and 8x2 kernels of 5x5 with biases, and the scale and shift of BatchNorm
    assert result.parameters == 6 * 8 * 25 + 8 + 8 * 2 * 25 + 2 + 2 * 8
    products = 2 * 25 * (6 * 8 + 8 * 2) * 32 * 32
    first_layer = 2 * 25 * 6 * 8 * 32 * 32  # whose input needs no gradient
    assert result.flops.forward == products
    assert result.flops.training == 3 * products - first_layer
    assert "relu" in result.flops.uncounted
    assert result.environment.threads == torch.get_num_threads()


def test_each_loss_has_a_training_of_its_own(case, hasty):
    losses = [TimedTraining(loss=loss) for loss in ("bce", "ssim")]
    several = case.model_copy(update={"trainings": (*case.trainings, *losses)})
    result = measured(several, hasty)
    assert result.remarks == ()
    figures = [training(several, number) for number in range(3)]
    assert list(result.timings) == [INFERENCE, *figures, LATENCY]


def test_a_training_that_fails_later_keeps_the_rounds_that_it_had(case, hasty, monkeypatch):
    original = Workload.train
    network = TimedNetwork(case, hasty, CPU)
    network.prepare()
    network.visit(1)

    def train(self, number, batch):
        raise torch.OutOfMemoryError("tried to allocate 20 GiB")

    monkeypatch.setattr(Workload, "train", train)
    network.visit(2)
    monkeypatch.setattr(Workload, "train", original)
    result = network.visit(3)
    rounds = {name: len(timing.rounds) for name, timing in result.timings.items()}
    assert rounds == {INFERENCE: 3, LATENCY: 3, training(case): 1}
    assert result.remarks == ("training at batch 4: out of memory: tried to allocate 20 GiB",)


def test_a_thorough_measurement_has_the_rest_too(case, hasty, monkeypatch):
    monkeypatch.setattr("bench.throughput.sweep.LARGEST", 2)
    result = measured(case, dataclasses.replace(hasty, thorough=True))
    assert result.remarks == ()
    assert [point.batch_size for point in result.sweep.points] == [1, 2]
    assert result.peak_flops_per_s > 0
    assert result.joules_per_image is None
    assert result.device_states == ()
    assert result.inference_memory.allocated_mib is None


def test_end_to_end_goes_through_the_archive_again_and_again(case, hasty, rendered_archive):
    data = Data(archive=(str(rendered_archive),), image_size=(32, 32))
    result = measured(case.model_copy(update={"data": data}), hasty)
    assert result.timings[END_TO_END].crowded  # decoding and the network share the cores
    assert result.seconds(END_TO_END).value > 0
    batches = Workload(case, CPU).archive_batches(data)
    seen = [next(batches) for _ in range(10)]  # 36 samples are nine batches
    assert seen[0].composite.shape == (4, 3, 32, 32)
    assert torch.equal(seen[0].composite, seen[9].composite)
    assert not torch.equal(seen[0].composite, seen[1].composite)
    batches.close()


def test_a_batch_that_training_has_no_memory_for_is_not_made_smaller(case, hasty, monkeypatch):
    def train(self, number, batch):
        raise torch.OutOfMemoryError("tried to allocate 20 GiB")

    monkeypatch.setattr(Workload, "train", train)
    result = measured(case, hasty)
    assert list(result.timings) == [INFERENCE, LATENCY]
    assert result.remarks == ("training at batch 4: out of memory: tried to allocate 20 GiB",)


def test_a_variant_that_computes_something_else_gets_no_figure(case, hasty, monkeypatch):
    def shifted(self, background, composite):
        prediction = original(self, background, composite)
        if self.case.variant == "compiled":
            return prediction._replace(mask_logits=prediction.mask_logits + 1)
        return prediction

    original = Workload._predict
    monkeypatch.setattr(Workload, "_predict", shifted)
    monkeypatch.setattr("torch.compile", lambda model, **_: model)
    wrong = case.model_copy(update={"variant": "compiled"})
    with pytest.raises(TrainingError, match=r"differs from plain float32's by .* more than 0\.001"):
        TimedNetwork(wrong, dataclasses.replace(hasty, thorough=True), CPU).prepare()


@pytest.mark.parametrize(
    ("variant", "dtype", "channels_last"),
    [
        ("float32", torch.float32, False),
        ("bf16", torch.bfloat16, False),
        ("channels_last", torch.float32, True),
    ],
)
def test_variants_run_as_they_say(case, variant, dtype, channels_last):
    work = Workload(case.model_copy(update={"variant": variant}), CPU)
    batch = work.random_batch(2)
    assert work.predict(batch).mask_logits.dtype == dtype
    convolution = next(p for p in work.model.parameters() if p.dim() == 4)
    for tensor in (batch.composite, convolution):
        assert tensor.is_contiguous(memory_format=torch.channels_last) == channels_last
        assert tensor.is_contiguous() != channels_last


def test_random_batches_are_valid_and_differ(case):
    batches = Workload(case, CPU).random_batches(3)
    first, second = next(batches), next(batches)
    assert isinstance(first, Batch)
    assert set(first.mask.unique().tolist()) == {0, 1}
    assert 0 <= first.depth.min() <= first.depth.max() <= 1
    assert not torch.equal(first.composite, second.composite)


def test_training_computes_all_and_leaves_the_weights(case):
    work = Workload(case, CPU)
    before = [parameter.clone() for parameter in work.model.parameters()]
    work.train(0, work.random_batch(4))
    after = list(work.model.parameters())
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert all(parameter.grad is not None for parameter in after)


def test_random_samples_are_drawn_once_however_large_a_batch_is(case, monkeypatch):
    drawn = []
    original = torch.rand
    monkeypatch.setattr(
        torch, "rand", lambda *size, **how: drawn.append(size) or original(*size, **how)
    )
    work = Workload(case, CPU)
    for size in (1, 4, 512):
        assert next(work.random_batches(size)).composite.shape == (size, 3, 32, 32)
    assert sum(math.prod(size) for size in drawn) == 16 * (3 + 3 + 1 + 1) * 32 * 32


def with_training(case, **how):
    return case.model_copy(update={"trainings": (case.trainings[0].model_copy(update=how),)})


def with_recipe(case, **settings):
    return case.model_copy(update={"recipe": case.recipe.model_copy(update=settings)})


def test_a_teacher_is_asked_as_often_as_in_training(case, tiny_network):
    alone = Workload(case, CPU)
    taught = Workload(case.model_copy(update={"teacher": Architecture(name=tiny_network)}), CPU)
    count = sum(p.numel() for p in alone.model.parameters())
    assert sum(p.numel() for p in taught.model.parameters()) == 2 * count
    assert taught.parameters == count  # which it learns
    asked = []
    taught.model.teacher.register_forward_hook(lambda *_: asked.append(1))
    taught.train(0, taught.random_batch(2))
    assert len(asked) == 2  # of the whole composite for the truth, and of the masked one


def test_frozen_parts_rest_in_the_step_that_is_timed(case):
    frozen = "layers.0", "layers.1"  # a convolution and its BatchNorm
    work = Workload(with_recipe(case, freeze=frozen), CPU)
    assert work.parameters == Workload(case, CPU).parameters
    work.train(0, work.random_batch(2))
    for name, module in work.model.named_modules():
        if name.startswith("layers."):
            assert module.training == (name not in frozen)
            assert all((p.grad is None) == (name in frozen) for p in module.parameters())


def test_the_flops_of_training_are_of_what_learns(case, hasty):
    whole, frozen = (
        measured(one, hasty).flops for one in (case, with_recipe(case, freeze=("layers.0",)))
    )
    assert frozen.forward == whole.forward
    of_its_weights = 2 * 25 * 6 * 8 * 32 * 32
    assert whole.training - frozen.training == of_its_weights


def test_a_network_that_was_trained_compiled_is_timed_so(case, monkeypatch):
    compiled = []

    def compiling(form):
        return lambda model: compiled.append(form) or model

    monkeypatch.setattr(
        workload, "FORMS", {"plain": lambda model: model} | {f: compiling(f) for f in FORMS[1:]}
    )
    for how in ({}, {"compiled": True}, {"compiled": True, "cuda_graphs": True}):
        work = Workload(with_training(case, **how), CPU)
        work.predict(work.random_batch(2))  # by the network itself, as it is validated
        work.train(0, work.random_batch(2))
    assert compiled == [*FORMS[1:]]


def test_a_batch_that_was_trained_in_parts_is_timed_so(case):
    work = Workload(with_training(case, accumulation_steps=2, checkpointing=True), CPU)
    sizes = []
    work.model.register_forward_pre_hook(lambda _, images: sizes.append(len(images[0])))
    work.train(0, work.random_batch(4))
    assert sizes == [2, 2]


def test_each_training_has_its_own_loss(case, monkeypatch):
    several = case.model_copy(
        update={"trainings": tuple(TimedTraining(loss=loss) for loss in ("bce", "ssim"))}
    )
    work = Workload(several, CPU)
    pairs = []
    original = workload.MultiTaskLoss
    monkeypatch.setattr(
        workload,
        "MultiTaskLoss",
        lambda pair, size: pairs.append(pair) or original(pair, size=size),
    )
    for number in (0, 1, 1, 0):
        work.train(number, work.random_batch(2))
    assert [pair.mask for pair in pairs] == ["bce", "ssim", "bce"]


def test_training_has_the_size_of_its_recipe(case):
    work = Workload(with_recipe(case, image_size=(48, 64)), CPU)
    assert next(work.training_batches()).composite.shape == (4, 3, 48, 64)
    assert next(work.random_batches(4)).composite.shape == (4, 3, 32, 32)


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_the_device_multiplies_matrices_in_the_networks_format(case, hasty, precision, monkeypatch):
    seen = []

    def look(*_):
        seen.append(torch.backends.cuda.matmul.fp32_precision)
        return 1.0

    monkeypatch.setattr(matmul, "matmul_flops_per_s", look)
    monkeypatch.setattr("bench.throughput.sweep.LARGEST", 1)
    one = with_recipe(case, precision=precision)
    TimedNetwork(one, dataclasses.replace(hasty, thorough=True), CPU).prepare()
    assert seen == ["tf32" if precision == "tf32" else "ieee"]
