"""A grid of small networks on one CUDA device: cells side by side, against one at a time."""

import time

import pytest
import torch

from bench.archives import render
from bench.execution.launchers import start_server
from bench.execution.run import run
from bench.settings import grid_file
from bench.study.study import Study

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def seconds(question, folder, per_device):
    started = time.perf_counter()
    run(
        question,
        Study(folder),
        device=torch.device("cuda"),
        server=start_server(),
        per_device=per_device,
        throughput=False,
    )
    return time.perf_counter() - started


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The grid, and the seconds that it takes one cell at a time."""
    folder = tmp_path_factory.mktemp("alone")
    archive, path = folder / "a.zip", folder / "grid.yaml"
    render.make(archive, backgrounds=20, foregrounds=15, placements=2, size=128, seed=0)
    path.write_text(
        "architectures: [{name: unet, width: 0.25}, {name: densenet, width: 0.125}]\n"
        "losses: [bce, ssim, cosine, gradient_l1]\n"
        "seeds: [0, 1]\n"
        f"data: {{archive: {archive}, image_size: 64}}\n"
        "train: {epochs: 10, batch_size: 12}\n"
    )
    question = grid_file.load(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        return question, seconds(question, folder / "study", 1)


@pytest.mark.benchmark(group="a grid on one device")
@pytest.mark.parametrize("per_device", [2, 4, 8])
def test_cells_side_by_side(benchmark, figure, alone, tmp_path, per_device):
    question, alone_s = alone
    together_s = benchmark.pedantic(seconds, (question, tmp_path / "study", per_device), rounds=1)
    remark = f"{alone_s:.0f} s / {together_s:.0f} s"
    what = f"a grid one cell at a time / {per_device} side by side"
    assert figure(what, alone_s / together_s, at_least=1, remark=remark)
