"""A network to time, and plans that take next to no time."""

import pytest

from bench.settings import Architecture, LossPair, Recipe
from bench.study.measurement import TimingCase
from bench.throughput.sampling import Effort


@pytest.fixture
def case(tiny_network):
    return TimingCase(
        architecture=Architecture(name=tiny_network),
        loss=LossPair(mask="bce", depth="l1"),
        recipe=Recipe(epochs=1, batch_size=4, precision="float32"),
        image_size=(32, 32),
    )


@pytest.fixture
def hasty():
    return Effort(rounds=2, blocks=2, latencies=2, cap_s=0, warm_up_cap_s=0, thorough=False)
