"""A network to time, and plans that take next to no time."""

import pytest

from bench.settings import Architecture, LossPair, Recipe
from bench.study.measurement import Subject
from bench.throughput.sampling import Plan


@pytest.fixture
def subject(tiny_network):
    return Subject(
        architecture=Architecture(name=tiny_network),
        loss=LossPair(mask="bce", depth="l1"),
        recipe=Recipe(epochs=1, batch_size=4, precision="float32"),
        image_size=(32, 32),
    )


@pytest.fixture
def hasty():
    return Plan(rounds=2, blocks=2, latencies=2, cap_s=0, warm_up_cap_s=0, thorough=False)
