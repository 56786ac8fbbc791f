import gc

import pytest
import torch

from bench.machine.memory import PeakMemory

CPU = torch.device("cpu")


def test_the_peak_of_memory_is_seen_after_it_is_over():
    gc.collect()  # what earlier tests left must not go while this one measures
    before = PeakMemory(CPU).mib()
    if before is None:
        pytest.skip("this system cannot forget an earlier peak")
    memory = PeakMemory(CPU)
    block = torch.ones(256 * 2**20, dtype=torch.uint8)
    del block
    assert memory.mib() - before > 200
    assert PeakMemory(CPU).mib() - before < 100
