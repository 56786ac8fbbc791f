"""What comes after a prediction: sums of 64 images at 64 px, and the means over 1,000 images."""

import numpy as np
import pandas as pd
import pytest
import torch

from bench.evaluation import metrics, sums


@pytest.fixture
def random():
    return torch.Generator().manual_seed(0)


# What validation computes after every epoch, and what the test images get once.
@pytest.mark.parametrize("columns", [("tp", "fp", "fn"), sums.EVERY_COLUMN], ids=["val", "test"])
@pytest.mark.benchmark(group="score 64 images of 64 px")
def test_mask_sums(benchmark, random, columns):
    predicted, target = torch.rand(2, 64, 1, 64, 64, generator=random) > 0.8
    benchmark(sums.mask_sums, predicted, target, None, columns)


@pytest.mark.parametrize(
    "columns", [("squared_error", "depth_pixels"), sums.EVERY_COLUMN], ids=["val", "test"]
)
@pytest.mark.benchmark(group="score 64 images of 64 px")
def test_depth_sums(benchmark, random, columns):
    predicted, target = torch.rand(2, 64, 1, 64, 64, generator=random)
    benchmark(sums.depth_sums, predicted, target, torch.ones_like(target), columns)


@pytest.mark.parametrize("names", [("iou", "rmse"), metrics.names()], ids=["board", "all"])
@pytest.mark.benchmark(group="the statistics of 1,000 images")
def test_summary(benchmark, names):
    every = [*sums.COLUMNS["mask"], *sums.COLUMNS["depth"]]
    random = np.random.default_rng(0)
    counts = random.integers(1, 4096, (1000, len(every)))
    counts.sort(axis=0)  # so that no part is larger than its whole
    scores = pd.DataFrame(counts, columns=every)
    benchmark(lambda: [metrics.load(name).formula(scores) for name in names])
