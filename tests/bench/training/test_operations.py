"""How many operations the harness adds to those of a bare loop; each is a launch on a device."""

from functools import partial

import pytest
import torch
from loops import Bare, Harness
from operations import Operations

import architectures

MOST_EXTRA = 0.05
# Narrow, which takes less time and no fewer operations.
WIDTHS = {"unet": 0.25, "autoencoder": 0.1875, "resnet50_upproj": 0.125, "densenet": 0.125}


def kernels_of_a_step(way):
    """Those that two steps take more than one."""
    way.images_per_s(1)  # what is made once is there
    counts = []
    for steps in (1, 2):
        with Operations() as found:
            way.images_per_s(steps)
        counts.append(found.kernels)
    return counts[1] - counts[0]


@pytest.mark.parametrize("name", WIDTHS)
def test_the_harness_adds_at_most_one_operation_in_twenty(name, rendered_archive, monkeypatch):
    narrow = partial(architectures.create, width=WIDTHS[name])
    monkeypatch.setattr(architectures, "create", narrow)
    work = (name, rendered_archive, torch.device("cpu"), 64, 2)
    bare, harness = (kernels_of_a_step(way(*work)) for way in (Bare, Harness))
    assert 0 <= harness - bare <= MOST_EXTRA * bare
