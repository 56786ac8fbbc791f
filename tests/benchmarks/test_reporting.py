"""`bench report` on a large study: 100 rows, five seeds each, 1,000 test images."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import study_maker

from bench.evaluation import metrics
from bench.evaluation.metric import summarise
from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study import places
from bench.study.study import Study

GRID = Grid(
    architectures=tuple(Architecture(name="unet", options={"width": 1 / n}) for n in range(1, 11)),
    losses=tuple(LossPair.model_validate(f"bce + {n}*l1") for n in range(1, 11)),
    seeds=tuple(range(5)),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=1),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    study = Study(tmp_path_factory.mktemp("study"))
    study.write_grid(GRID, study_maker.PROVENANCE, study_maker.CONTRACTS)
    random = np.random.default_rng(0)
    iou = [metrics.load("iou")]
    for cell in GRID.cells():
        counts = random.integers(1, 4096, (1000, 3))
        scores = pd.DataFrame(counts, columns=["tp", "fp", "fn"])
        scores = scores.assign(key=[f"s{n}" for n in range(1000)])
        summary = summarise(scores, iou)
        study.write_cell(study_maker.record(cell, summary=summary), {places.SCORES: scores})
    return study


@pytest.mark.benchmark(group="the report of 100 rows x 5 seeds x 1,000 images")
def test_report(benchmark, study):
    def report():
        results = study.load()
        markdown.render("study", leaderboards(results), results.damaged)

    benchmark.pedantic(report, rounds=3)


@pytest.mark.benchmark(group="`bench report` on the published study, process and all")
def test_report_command(benchmark, repository, tmp_path):
    folder = shutil.copytree(repository / "results/published/quick", tmp_path / "quick")
    command = [sys.executable, "-m", "bench", "report", folder]
    benchmark.pedantic(
        lambda: subprocess.run(command, check=True, capture_output=True), rounds=5, warmup_rounds=1
    )
