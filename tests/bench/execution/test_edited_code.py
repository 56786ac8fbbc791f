"""A run finds what the user wrote: code that was edited since the last one, the home folder."""

import hashlib

import pytest
import safetensors.torch
import torch

import architectures
from bench.execution.cell import Job, run_cell
from bench.execution.context import open_context
from bench.execution.run import run
from bench.settings.grid import Grid
from bench.study.study import Study

CPU = torch.device("cpu")
HELPER = "BIAS = {}\n"
NETWORK = """
import helper
from architectures import Prediction
from torch import nn


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 1, 1)

    def forward(self, background, composite):
        logits = 0 * self.layer(composite) + helper.BIAS
        return Prediction(logits, logits)


def constant():
    return Constant()
"""


@pytest.fixture
def grid_of(rendered_archive):
    def grid_of(network, **train):
        return Grid(
            architectures=(network,),
            losses=("bce",),
            data={"archive": str(rendered_archive), "image_size": 32},
            train={"steps": 1, "batch_size": 8} | train,
        )

    return grid_of


def test_the_second_run_trains_what_it_records(tmp_path, grid_of):
    own = tmp_path / "own"
    own.mkdir()
    (own / "net.py").write_text(NETWORK)
    study, found = Study(tmp_path / "study"), []
    grid = None
    for bias in (-9, 9):  # predicts nothing, then everything
        (own / "helper.py").write_text(HELPER.format(bias))
        grid = grid or grid_of(f"{own / 'net.py'}:constant")
        run(grid, study, device=CPU, throughput=False)
        (cell,) = (cell for cell in grid.cells() if cell.loss is not None)
        record = study.load().records[cell.id]
        digest = hashlib.sha256((own / "helper.py").read_bytes()).hexdigest()
        assert record.provenance.sources["net.py:constant"]["helper.py"] == digest
        found.append(record.summary["iou"])
    assert found[0] == 0 < found[1]


def test_a_teachers_weights_may_lie_in_the_home_folder(
    tmp_path, grid_of, tiny_network, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    weights = tmp_path / "teacher.safetensors"
    safetensors.torch.save_model(architectures.create(tiny_network), weights)
    teacher = {"architecture": tiny_network, "weights": "~/teacher.safetensors"}
    grid = grid_of(tiny_network, teacher=teacher)
    record = run_cell(Job(list(grid.cells())[-1]), open_context(grid, CPU, tmp_path)).record
    assert record.failure is None
