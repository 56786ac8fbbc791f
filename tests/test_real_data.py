"""The main job on real photographs with measured depth, where such data is at hand."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data.cache import open_dataset
from bench.execution.run import run
from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.settings import grid_file
from bench.study.study import Study
from bench.throughput.sampling import QUICK

FOLDER = os.environ.get("MASKDEPTH_REAL_DATA")

pytestmark = pytest.mark.skipif(FOLDER is None, reason="MASKDEPTH_REAL_DATA is not set")


@pytest.fixture
def room():
    return Path(FOLDER) / "room.zip"


def test_measured_depth_has_holes_that_are_marked(room):
    dataset = open_dataset([room], (64, 64))
    assert len(dataset.keys) == 217
    assert dataset.depths.dtype == np.uint16
    invalid = 1 - dataset.depth_valid.mean()
    assert 0.15 < invalid < 0.4


def test_a_grid_over_real_images_runs_and_reports(room, tmp_path, tiny_network, monkeypatch):
    monkeypatch.setattr("bench.execution.timing.QUICK", replace(QUICK, cap_s=0, warm_up_cap_s=0))
    path = tmp_path / "room.yaml"
    path.write_text(
        f"architectures: [{{name: unet, width: 0.125}}, '{tiny_network}']\n"
        "losses: [bce, ssim]\n"
        f"data: {{archive: {room}, image_size: 64}}\n"
        "train: {steps: 60}\n"
    )
    study = Study(tmp_path / "room")
    question = grid_file.load(path)

    run(question, study, device=torch.device("cpu"))
    results = study.load()
    (board,) = leaderboards(results)
    assert [row.remarks for row in (*board.rows, *board.baselines)] == [()] * 9
    # How fast they are may be withheld where other programs are at work.
    assert [len(measured.timings) for measured in board.timed] == [4, 4]
    assert all(0 <= row.figures["rmse"].mean <= 1 for row in board.rows)
    assert "| ssim" in markdown.render("room", [board], results.damaged)
