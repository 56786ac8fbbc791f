"""The quick grid on a CUDA device, beside the CPU's published figures."""

from pathlib import Path

import pytest
import torch
from rich.console import Console

from bench import grid
from bench.progress import create_progress
from bench.run import run
from bench.store import Store

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


def test_cuda_agrees_with_the_published_cpu_figures(on_cuda, repository):
    question, store = on_cuda
    published = Store(Path(repository) / "results/published/quick")
    pairs = [(store.read(cell.id), published.read(cell.id)) for cell in question.cells()]
    assert all(ours.failure is None for ours, _ in pairs)
    count = len(pairs)
    iou = sum(abs(ours.summary.iou - cpu.summary.iou) for ours, cpu in pairs) / count
    rmse = sum(abs(ours.summary.rmse - cpu.summary.rmse) for ours, cpu in pairs) / count
    assert iou < IOU_TOLERANCE
    assert rmse < RMSE_TOLERANCE


def test_the_record_names_the_device(on_cuda):
    question, store = on_cuda
    for cell in question.cells():
        environment = store.read(cell.id).environment
        assert (environment.device, environment.device_name) == (
            "cuda",
            torch.cuda.get_device_name(),
        )
