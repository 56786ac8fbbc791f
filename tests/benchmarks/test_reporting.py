"""`bench report` on a large study: 100 rows, five seeds each, 1,000 test images."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import torch

from bench.evaluation import metrics
from bench.machine import environment
from bench.report import markdown
from bench.report.leaderboard import compare
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study.record import Record, SampleCounts
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
    study.write_grid(GRID)
    here, now = environment.describe(torch.device("cpu")), datetime(2026, 1, 1, tzinfo=UTC)
    random = np.random.default_rng(0)
    for cell in GRID.cells():
        counts = random.integers(1, 4096, (1000, 3))
        scores = pd.DataFrame(counts, columns=["tp", "fp", "fn"])
        scores = scores.assign(key=[f"s{n}" for n in range(1000)])
        record = Record(
            cell=cell,
            split_digest="0",
            samples=SampleCounts(train=2000, val=300, test=1000),
            environment=here,
            started_utc=now,
            finished_utc=now,
            summary=metrics.summarise(scores),
        )
        study.append(record, scores)
    return study


@pytest.mark.benchmark(group="the report of 100 rows x 5 seeds x 1,000 images")
def test_report(benchmark, study):
    benchmark.pedantic(lambda: markdown.render("study", compare(study)), rounds=3)
