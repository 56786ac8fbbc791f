"""What holds on a CUDA device alone: the same figures, no waiting for data, memory that ends."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

import architectures
from bench.data import batch_loader, batches
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.execution.run import run
from bench.execution.trackers.terminal import create_progress
from bench.settings import LossPair, Recipe, Split, grid_file
from bench.study.study import Study
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
    study = Study(tmp_path_factory.mktemp("gpu") / "quick")
    question = grid_file.load(repository / "grids/quick.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repository)
        with create_progress(Console()) as progress:
            run(question, study, device=torch.device("cuda"), progress=progress)
    return study


def trained(study):
    return [r for r in study.load().records.values() if r.cell.loss is not None]


def test_cuda_agrees_with_the_published_cpu_figures(on_cuda, repository, figure):
    study = on_cuda
    published = Study(Path(repository) / "results/published/quick")
    theirs = published.load().records
    pairs = [(ours, theirs[ours.cell.id]) for ours in trained(study)]
    assert all(ours.failure is None for ours, _ in pairs)
    count = len(pairs)
    iou = sum(abs(ours.summary["iou"] - cpu.summary["iou"]) for ours, cpu in pairs) / count
    rmse = sum(abs(ours.summary["rmse"] - cpu.summary["rmse"]) for ours, cpu in pairs) / count
    assert figure("IoU beside the CPU's, mean difference", iou, at_most=IOU_TOLERANCE)
    assert figure("RMSE beside the CPU's, mean difference", rmse, at_most=RMSE_TOLERANCE)


def test_the_record_names_the_device(on_cuda):
    for record in trained(on_cuda):
        environment = record.environment
        assert (environment.device, environment.device_name) == (
            "cuda",
            torch.cuda.get_device_name(),
        )


def test_training_does_not_wait_for_data(on_cuda, figure):
    executions = [stage for r in trained(on_cuda) for stage in r.training.executions]
    assert {execution.data_location for execution in executions} == {"device"}
    longest = max(execution.data_wait_share for execution in executions)
    assert figure("share of training that waits for data, at most", longest, at_most=0.02)


def same(one, other):
    return all(torch.equal(a.cpu(), b.cpu()) for a, b in zip(one[:5], other[:5], strict=True))


def test_batches_are_the_same_wherever_the_data_lies(rendered_archive, monkeypatch):
    dataset = open_dataset([rendered_archive], (64, 64))
    order = list(batches.in_order(np.arange(len(dataset.samples))[::-1].copy(), 7))
    expected = [BatchLoader(dataset, torch.device("cpu")).load(rows) for rows in order]
    resident = BatchLoader(dataset, CUDA)
    assert resident.location == "device"
    assert all(same(*pair) for pair in zip(resident.iterate(order), expected, strict=True))
    monkeypatch.setattr(batch_loader, "RESIDENT_SHARE", 0)
    copied = BatchLoader(dataset, CUDA)
    assert copied.location == "host"
    assert all(same(*pair) for pair in zip(copied.iterate(order), expected, strict=True))


def test_a_batch_that_does_not_fit_is_trained_on_in_parts(rendered_archive, figure):
    dataset = open_dataset([rendered_archive], (256, 256))
    split = split_rows(dataset.samples, Split(train=0.8, val=0.1, test=0.1), dataset.fingerprint)
    recipe = Recipe(steps=2, batch_size=24, precision="float32")

    def train():
        model = architectures.create("unet", seed=0).to(CUDA, memory_format=torch.channels_last)
        trainer = Trainer(
            {(256, 256): BatchLoader(dataset, CUDA)},
            (256, 256),
            split,
            0,
            CUDA,
            lambda *_: None,
            tasks=("mask", "depth"),
        )
        torch.cuda.reset_peak_memory_stats()
        fit = trainer.fit(model, LossPair(mask="bce", depth="l1"), (recipe,))
        return fit.executions[0], torch.cuda.max_memory_allocated()

    whole, needed = train()
    assert whole.accumulation_steps == 1
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(CUDA).total_memory
    try:
        torch.cuda.set_per_process_memory_fraction(0.6 * needed / total)
        in_parts, taken = train()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    share, remark = taken / needed, f"{in_parts.accumulation_steps} parts"
    assert in_parts.accumulation_steps > 1
    assert figure("memory of a batch that did not fit, in parts", share, at_most=0.6, remark=remark)
