"""What the harness adds to the training, and what it saves against the usual ways.

Each network trains in turns by each way, in one process; what is asserted are ratios of medians.
"""

from functools import partial

import pytest
import torch
from loops import Bare, Harness, Reference

from bench.archives import render

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
STEPS = 8 if DEVICE.type == "cpu" else 200  # of a turn, which takes seconds on either
NETWORKS = ("unet", "resnet50_upproj", "autoencoder", "densenet")


def beside_the_reference(*work):
    return {
        "harness": partial(Harness, *work),
        "DataLoader, 0 workers": partial(Reference, *work, workers=0),
        "DataLoader, 2 workers": partial(Reference, *work, workers=2),
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archives") / "train.zip"
    render.make(path, backgrounds=8, foregrounds=8, placements=4, size=224, seed=0)
    return path


@pytest.mark.benchmark(group="the harness beside a bare loop")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_harness_keeps_97_percent_of_a_bare_loop(race, archive, name):
    work = (name, archive, DEVICE)
    ways = {"harness": partial(Harness, *work), "bare loop": partial(Bare, *work)}
    race(name, ways, steps=STEPS, rounds=5, at_least=0.97)


@pytest.mark.benchmark(group="the harness beside the reference way")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_harness_trains_twice_as_fast_as_the_reference_way(race, archive, name):
    race(name, beside_the_reference(name, archive, DEVICE), steps=STEPS // 2, rounds=3, at_least=2)


@pytest.mark.skipif(DEVICE.type != "cuda", reason="there is no CUDA device")
@pytest.mark.benchmark(group="the harness beside the reference way")
def test_on_cuda_the_published_unet_trains_ten_times_as_fast(race, archive):
    """At its own 224 px and batch of 50."""
    ways = beside_the_reference("unet_additive", archive, DEVICE, 224, 50)
    race("unet_additive at 224 px", ways, steps=20, rounds=3, at_least=10)
