import dataclasses

import pytest
import torch

from bench.data.batches import Batch
from bench.errors import TrainingError
from bench.settings import Architecture, Data
from bench.throughput import matmul, measure
from bench.throughput.measure import TimedNetwork
from bench.throughput.workload import Workload

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def hasty_side_figures(monkeypatch, hasty):
    monkeypatch.setattr(measure, "GLANCE", dataclasses.replace(hasty, rounds=1))
    monkeypatch.setattr(matmul, "GLANCE", dataclasses.replace(hasty, rounds=1))
    monkeypatch.setattr(matmul, "SIDE_ELSEWHERE", 64)


def measured(case, plan):
    network = TimedNetwork(case, plan, CPU)
    network.prepare()
    for _ in range(plan.rounds):
        result = network.visit([])
    return result


def test_three_figures_of_one_network(case, hasty):
    result = measured(case, hasty)
    assert result.remarks == ()
    for timing in (result.inference, result.training, result.latency):
        assert len(timing.round_medians_s) == 2
        assert timing.noisy  # two blocks tell nothing
    assert result.images_per_s("inference") == 4 / result.inference.median_s
    assert result.end_to_end is None
    # 6x8 and 8x2 kernels of 5x5 with biases, and the scale and shift of BatchNorm
    assert result.parameters == 6 * 8 * 25 + 8 + 8 * 2 * 25 + 2 + 2 * 8
    products = 2 * 25 * (6 * 8 + 8 * 2) * 32 * 32
    first_layer = 2 * 25 * 6 * 8 * 32 * 32  # whose input needs no gradient
    assert result.flops.forward == products
    assert result.flops.training == 3 * products - first_layer
    assert "relu" in result.flops.uncounted
    assert result.environment.threads == torch.get_num_threads()


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
    assert result.end_to_end.median_s > 0
    batches = Workload(case, CPU).archive_batches(data)
    seen = [next(batches) for _ in range(10)]  # 36 samples are nine batches
    assert seen[0].composite.shape == (4, 3, 32, 32)
    assert torch.equal(seen[0].composite, seen[9].composite)
    assert not torch.equal(seen[0].composite, seen[1].composite)
    batches.close()


def test_a_batch_that_training_has_no_memory_for_is_not_made_smaller(case, hasty, monkeypatch):
    def train(self, batch):
        raise torch.OutOfMemoryError("tried to allocate 20 GiB")

    monkeypatch.setattr(Workload, "train", train)
    result = measured(case, hasty)
    assert result.training is None
    assert result.inference is not None
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
    work.train(work.random_batch(4))
    after = list(work.model.parameters())
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert all(parameter.grad is not None for parameter in after)


def test_a_teacher_takes_part(case, tiny_network):
    alone = Workload(case, CPU)
    taught = Workload(case.model_copy(update={"teacher": Architecture(name=tiny_network)}), CPU)
    count = sum(p.numel() for p in alone.model.parameters())
    assert sum(p.numel() for p in taught.model.parameters()) == 2 * count
    taught.train(taught.random_batch(2))
