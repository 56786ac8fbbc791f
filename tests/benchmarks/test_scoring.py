"""What comes after a prediction: sums of 64 images at 64 px, and the means over 1,000 images."""

import numpy as np
import pandas as pd
import pytest
import torch

from bench.evaluation import metrics


@pytest.fixture
def random():
    return torch.Generator().manual_seed(0)


@pytest.mark.benchmark(group="score 64 images of 64 px")
def test_mask_counts(benchmark, random):
    predicted, target = torch.rand(2, 64, 1, 64, 64, generator=random) > 0.8
    benchmark(metrics.mask_counts, predicted, target)


@pytest.mark.benchmark(group="score 64 images of 64 px")
def test_depth_sums(benchmark, random):
    predicted, target = torch.rand(2, 64, 1, 64, 64, generator=random)
    benchmark(metrics.depth_sums, predicted, target, torch.ones_like(target))


@pytest.mark.benchmark(group="the statistics of 1,000 images")
def test_summary(benchmark):
    random = np.random.default_rng(0)
    names = [*metrics.MaskCounts._fields, *metrics.DepthSums._fields]
    scores = pd.DataFrame(random.integers(1, 4096, (1000, len(names))), columns=names)
    benchmark(metrics.summarise, scores)
