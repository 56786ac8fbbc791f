"""What holds on a CUDA device alone: the same figures, no waiting for data, memory that ends."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

import architectures
from bench.data import batches, feed
from bench.data.cache import open_dataset
from bench.data.feed import Feed
from bench.data.split import split_rows
from bench.execution.run import run
from bench.execution.trackers.terminal import create_progress
from bench.settings import LossPair, Recipe, Split, grid
from bench.study.study import Store
from bench.training.fit import Trainer

CUDA = torch.device("cuda")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

# Rounding differs between devices, and training carries it on: two devices differ like two seeds.
# Over the 16 cells the mean of the differences has to stay below these.
IOU_TOLERANCE = 0.08
RMSE_TOLERANCE = 0.04


@pytest.fixture(scope="module")
def on_cuda(tmp_path_factory, repository):
    store = Store(tmp_path_factory.mktemp("gpu") / "quick")
    question = grid.load(repository / "grids/quick.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repository)
        with create_progress(Console()) as progress:
            run(question, store, device=torch.device("cuda"), progress=progress)
    return question, store


def test_cuda_agrees_with_the_published_cpu_figures(on_cuda, repository, figure):
    question, store = on_cuda
    published = Store(Path(repository) / "results/published/quick")
    pairs = [(store.read(cell.id), published.read(cell.id)) for cell in question.cells()]
    assert all(ours.failure is None for ours, _ in pairs)
    count = len(pairs)
    iou = sum(abs(ours.summary.iou - cpu.summary.iou) for ours, cpu in pairs) / count
    rmse = sum(abs(ours.summary.rmse - cpu.summary.rmse) for ours, cpu in pairs) / count
    assert figure("IoU beside the CPU's, mean difference", iou, at_most=IOU_TOLERANCE)
    assert figure("RMSE beside the CPU's, mean difference", rmse, at_most=RMSE_TOLERANCE)


def test_the_record_names_the_device(on_cuda):
    question, store = on_cuda
    for cell in question.cells():
        environment = store.read(cell.id).environment
        assert (environment.device, environment.device_name) == (
            "cuda",
            torch.cuda.get_device_name(),
        )


def test_training_does_not_wait_for_data(on_cuda, figure):
    question, store = on_cuda
    executions = [stage for cell in question.cells() for stage in store.read(cell.id).executions]
    assert {execution.data_kept for execution in executions} == {"device"}
    longest = max(execution.data_wait_share for execution in executions)
    assert figure("share of training that waits for data, at most", longest, at_most=0.02)


def same(one, other):
    return all(torch.equal(a.cpu(), b.cpu()) for a, b in zip(one, other, strict=True))


def test_batches_are_the_same_wherever_the_data_lies(rendered_archive, monkeypatch):
    dataset = open_dataset([rendered_archive], (64, 64))
    order = list(batches.in_order(np.arange(len(dataset.samples))[::-1].copy(), 7))
    expected = [Feed(dataset, torch.device("cpu")).load(rows) for rows in order]
    resident = Feed(dataset, CUDA)
    assert resident.kept == "device"
    assert all(same(*pair) for pair in zip(resident.each(order), expected, strict=True))
    monkeypatch.setattr(feed, "RESIDENT_SHARE", 0)
    copied = Feed(dataset, CUDA)
    assert copied.kept == "host"
    assert all(same(*pair) for pair in zip(copied.each(order), expected, strict=True))


def test_a_batch_that_does_not_fit_is_trained_on_in_parts(rendered_archive, figure):
    dataset = open_dataset([rendered_archive], (256, 256))
    split = split_rows(dataset.samples, Split(train=0.8, val=0.1, test=0.1), dataset.fingerprint)
    recipe = Recipe(steps=2, batch_size=24, precision="float32")

    def train():
        model = architectures.create("unet", seed=0).to(CUDA, memory_format=torch.channels_last)
        trainer = Trainer(
            {(256, 256): Feed(dataset, CUDA)}, (256, 256), split, 0, CUDA, lambda *_: None
        )
        torch.cuda.reset_peak_memory_stats()
        fit = trainer.fit(model, LossPair(mask="bce", depth="l1"), (recipe,))
        return fit.executions[0], torch.cuda.max_memory_allocated()

    whole, needed = train()
    assert whole.parts == 1
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(CUDA).total_memory
    try:
        torch.cuda.set_per_process_memory_fraction(0.6 * needed / total)
        in_parts, taken = train()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    share, remark = taken / needed, f"{in_parts.parts} parts"
    assert in_parts.parts > 1
    assert figure("memory of a batch that did not fit, in parts", share, at_most=0.6, remark=remark)
