"""What holds on a CUDA device alone: every path works, the figures agree, nothing waits."""

import traceback
import warnings
from collections import Counter
from pathlib import Path

import networks_on_cuda
import numpy as np
import pytest
import torch

import architectures
from bench.data import batch_loader, batches
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.layouts import open_layouts
from bench.data.sample_pool import SamplePool
from bench.data.stream import stream
from bench.machine.precision import autocast, number_format
from bench.settings import Source
from bench.throughput.variants import Captured, deviation
from tests.gpu_check.setting import Setting

CUDA, CPU = torch.device("cuda"), torch.device("cpu")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

SMALL = {"name": "unet", "width": 0.25}


@pytest.fixture
def train(tmp_path, rendered_archive):
    """Trains networks for a few steps; returns their records."""

    def run(
        networks, *, device=CUDA, inline=False, per_device=1, size=64, losses=("bce",), **recipe
    ):
        content = {
            "architectures": networks,
            "losses": list(losses),
            "data": {"archive": str(rendered_archive), "image_size": size},
            "train": {"steps": 2, "batch_size": 4} | recipe,
        }
        return Setting(device, tmp_path, 0).run_grid(
            content, device.type, inline=inline, per_device=per_device, throughput=False
        )

    return run


def failures(records):
    return {record.cell.label: record.failure for record in records if record.failure is not None}


def test_every_network_trains_and_its_record_names_the_device(train):
    records = train(architectures.names(), per_device=4)
    assert failures(records) == {}
    found = {(r.environment.device, r.environment.device_name) for r in records}
    assert found == {("cuda", torch.cuda.get_device_name())}


def test_the_first_step_has_the_same_loss_as_on_the_cpu(train, figure):
    """In float32, where a step rounds to 2^-24, sums of some thousand terms to some 1e-6."""
    one, other = (
        train([SMALL], device=device, steps=1, precision="float32")[0] for device in (CPU, CUDA)
    )
    losses = [sum(r.training.curve[0].losses.values()) for r in (one, other)]
    apart = abs(losses[1] - losses[0]) / losses[0]
    assert figure("loss of the first step on CUDA and CPU, apart", apart, at_most=1e-4)


@pytest.mark.parametrize(("precision", "bounds"), [("float32", (0, 1e-5)), ("tf32", (1e-5, 1e-2))])
def test_a_number_format_is_what_it_says(precision, bounds, figure):
    if precision == "tf32" and torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("a device without TF32")
    model = architectures.create("unet", seed=0, width=0.25).eval().to(CUDA)
    images = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)).to(CUDA)
    with torch.no_grad():
        with number_format(precision):
            found = model(images, images).mask_logits.double()
        exact = model.double()(images.double(), images.double()).mask_logits
    apart = float((found - exact).norm() / exact.norm())
    what = f"{precision} and float64 on CUDA, apart"
    assert figure(what, apart, at_least=bounds[0], at_most=bounds[1])


def same(one, other):
    """Whether batches agree but for the last bit of a division, which devices round differently."""
    return all(
        torch.allclose(a.cpu(), b.cpu(), rtol=2**-23, atol=0)
        for a, b in zip(one[:4], other[:4], strict=True)
    )


def test_batches_are_the_same_wherever_the_data_lies(rendered_archive, monkeypatch):
    dataset = open_dataset([rendered_archive], (64, 64))
    order = list(batches.in_order(np.arange(len(dataset.samples))[::-1].copy(), 7))
    expected = [BatchLoader(dataset, CPU).load(rows) for rows in order]

    def check(loader, location):
        assert loader.location == location
        assert all(same(*pair) for pair in zip(loader.iterate(order), expected, strict=True))

    check(BatchLoader(dataset, CUDA), "device")
    pool = SamplePool(open_layouts(Source(files=(str(rendered_archive),))))
    check(BatchLoader(stream(pool, (64, 64), fingerprint=""), CUDA), "archive")
    monkeypatch.setattr(batch_loader, "RESIDENT_SHARE", 0)
    check(BatchLoader(dataset, CUDA), "host")


def test_training_does_not_wait_for_data(train, figure):
    (record,) = train(["unet"], steps=60, batch_size=16)
    (execution,) = record.training.executions
    assert execution.data_location == "device"
    share = execution.data_wait_share
    assert figure("share of training that waits for data", share, at_most=0.02)


@pytest.mark.parametrize(
    ("loss", "location"),
    [*((loss, "device") for loss in ("bce", "ssim", "cosine", "gradient_l1")), ("bce", "host")],
)
def test_a_step_does_not_wait_for_the_device(train, figure, monkeypatch, loss, location):
    """But for the loss, which is read every few steps, and what each epoch ends with."""
    if location == "host":
        monkeypatch.setattr(batch_loader, "RESIDENT_SHARE", 0)
    places = Counter()

    def count(message, *_):
        calls = [f for f in traceback.extract_stack() if "/bench/" in f.filename]
        rooms = {Path(call.filename).parent.name for call in calls}
        if "synchroniz" in str(message) and "training" in rooms and "evaluation" not in rooms:
            places[f"{Path(calls[-1].filename).name}:{calls[-1].lineno}"] += 1

    steps = 40
    monkeypatch.setattr(warnings, "showwarning", count)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            train([SMALL], inline=True, losses=[loss], steps=steps, batch_size=2)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waits = places.total() / steps
    remark = ", ".join(f"{place} {number}" for place, number in places.most_common(4))
    what = f"waits a step, {loss}, data on the {location}"
    assert figure(what, waits, at_most=0.5, remark=remark)


@pytest.mark.parametrize("name", architectures.names())
def test_a_cuda_graph_of_a_network_follows_its_input(name):
    model = architectures.create(name, seed=0).eval().to(CUDA, memory_format=torch.channels_last)

    def predict(background, composite):
        with torch.inference_mode(), autocast(CUDA, "bf16"):
            return model(background, composite)

    def images(seed):
        drawn = torch.rand(2, 4, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
        return [x.to(CUDA).contiguous(memory_format=torch.channels_last) for x in drawn]

    captured, one, other = Captured(predict, *images(0)), images(1), images(2)
    between = deviation(predict(*one), predict(*other))
    for given in (one, other):
        assert deviation(captured(*given), predict(*given)) < between / 4


def test_an_assertion_on_the_device_ends_its_own_cell_alone(train):
    asserting, sound = train([f"{networks_on_cuda.__file__}:asserting", SMALL])
    assert "device-side assert" in asserting.failure
    assert sound.failure is None
