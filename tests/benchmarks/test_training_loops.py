"""What the harness adds to the training, and what it saves against the usual ways.

Each network trains in turns by each way, in one process; what is asserted are ratios of medians.
"""

import pytest
import torch
from loops import Bare, Harness, Reference

from bench.data import generator

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
NETWORKS = ("unet", "resnet50_upproj", "autoencoder", "densenet")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archives") / "train.zip"
    generator.make(path, backgrounds=8, foregrounds=8, placements=4, size=224, seed=0)
    return path


@pytest.mark.benchmark(group="the harness beside a bare loop")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_harness_keeps_97_percent_of_a_bare_loop(race, archive, name):
    harness = Harness(name, archive, DEVICE)
    ways = {"harness": harness, "bare loop": Bare(name, harness.batches(8), DEVICE)}
    race(name, ways, steps=4, rounds=7, at_least=0.97)


@pytest.mark.benchmark(group="the harness beside the reference way")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_harness_trains_twice_as_fast_as_the_reference_way(race, archive, name):
    ways = {
        "harness": Harness(name, archive, DEVICE),
        "DataLoader, 0 workers": Reference(name, archive, DEVICE, workers=0),
        "DataLoader, 2 workers": Reference(name, archive, DEVICE, workers=2),
    }
    race(name, ways, steps=4, rounds=3, at_least=2)


@pytest.mark.skipif(DEVICE.type != "cuda", reason="there is no CUDA device")
@pytest.mark.benchmark(group="the harness beside the reference way")
def test_on_cuda_the_published_unet_trains_ten_times_as_fast(race, archive):
    """At its own 224 px and batch of 50."""
    name, size, batch_size = "unet_additive", 224, 50
    ways = {
        "harness": Harness(name, archive, DEVICE, size, batch_size),
        "DataLoader, 0 workers": Reference(
            name, archive, DEVICE, workers=0, size=size, batch_size=batch_size
        ),
        "DataLoader, 2 workers": Reference(
            name, archive, DEVICE, workers=2, size=size, batch_size=batch_size
        ),
    }
    race(f"{name} at 224 px", ways, steps=20, rounds=3, at_least=10)
