"""A network to time, and plans that take next to no time."""

import pytest

from bench.settings import Architecture, LossPair, Recipe
from bench.study.timing_case import TimedTraining, TimingCase
from bench.throughput.sampling import Effort


@pytest.fixture
def case(tiny_network):
    return TimingCase(
        architecture=Architecture(name=tiny_network),
        trainings=(TimedTraining(loss=LossPair(mask="bce", depth="l1")),),
        recipe=Recipe(epochs=1, batch_size=4, precision="float32"),
        image_size=(32, 32),
    )


@pytest.fixture
def hasty():
    return Effort(2, blocks=1, cap_s=0, patience_s=0, warm_up_cap_s=0, thorough=False)
