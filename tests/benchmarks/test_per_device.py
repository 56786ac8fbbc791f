"""A grid of small networks on one CUDA device: cells side by side, against one at a time."""

import time

import pytest
import torch
from rich.console import Console

from bench.archives import render
from bench.execution.run import run
from bench.execution.trackers.terminal import create_progress
from bench.settings import grid_file
from bench.study.study import Study

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture(scope="module")
def question(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    archive = folder / "a.zip"
    render.make(archive, backgrounds=20, foregrounds=15, placements=2, size=128, seed=0)
    path = folder / "grid.yaml"
    path.write_text(
        "architectures: [{name: unet, width: 0.25}, {name: densenet, width: 0.125}]\n"
        "losses: [bce, ssim, cosine, gradient_l1]\n"
        "seeds: [0, 1]\n"
        f"data: {{archive: {archive}, image_size: 64}}\n"
        "train: {epochs: 10, batch_size: 12}\n"
    )
    return grid_file.load(path)


@pytest.mark.benchmark(group="a grid on one device")
@pytest.mark.parametrize("per_device", [2, 4, 8])
def test_cells_side_by_side(benchmark, figure, question, tmp_path, per_device):
    def seconds(count, name):
        started = time.perf_counter()
        with create_progress(Console(quiet=True)) as progress:
            run(
                question,
                Study(tmp_path / name),
                device=torch.device("cuda"),
                progress=progress,
                per_device=count,
                throughput=False,
            )
        return time.perf_counter() - started

    alone = seconds(1, "alone")
    together = benchmark.pedantic(seconds, (per_device, "together"), rounds=1)
    remark = f"{alone:.0f} s / {together:.0f} s"
    what = f"a grid one cell at a time / {per_device} side by side"
    assert figure(what, alone / together, at_least=1, remark=remark)
