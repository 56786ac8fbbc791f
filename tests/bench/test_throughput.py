import gc
import time

import pytest
import torch
from torch import nn

import architectures
from bench import throughput
from bench.data.batches import Batch
from bench.device import PeakMemory
from bench.objectives import Objectives
from bench.settings import LossPair, Train

CPU = torch.device("cpu")


def test_a_sleep_of_known_length_is_timed_right():
    seconds = throughput.time_blocks(lambda: time.sleep(0.004), CPU)
    middle = sorted(seconds)[len(seconds) // 2]
    assert 0.004 <= middle < 0.006


def test_runs_too_short_for_the_clock_share_a_block():
    runs = 0

    def run():
        nonlocal runs
        runs += 1

    seconds = throughput.time_blocks(run, CPU)
    assert len(seconds) == throughput.BLOCKS
    assert runs > 1000


def test_flops_of_a_convolution_by_hand():
    class Convolution(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(6, 8, 3, padding=1)

        def forward(self, background, composite):
            return self.layer(torch.cat([background, composite], 1))

    picture = torch.zeros(1, 3, 10, 12)
    batch = Batch(picture, picture, *[picture[:, :1]] * 3)
    expected = 2 * (6 * 3 * 3) * 8 * 10 * 12  # a multiplication and an addition each
    assert throughput.count_flops(Convolution(), batch) == expected


def test_the_figures_are_of_the_batch_given(tiny_network):
    picture = torch.rand(4, 3, 32, 32)
    batch = Batch(picture, picture, *[picture[:, :1].round()] * 3)
    found = throughput.measure(
        architectures.create(tiny_network),
        Objectives(LossPair(mask="bce", depth="l1")),
        batch,
        Train(epochs=1),
        peak_memory_mib=7.0,
        device=CPU,
    )
    assert found.batch_size == 4
    # 6x8 and 8x2 kernels of 5x5 with biases, and the scale and shift of BatchNorm
    assert found.parameters == 6 * 8 * 25 + 8 + 8 * 2 * 25 + 2 + 2 * 8
    assert found.peak_memory_mib == 7.0
    for timing in (found.inference_images_per_s, found.training_images_per_s, found.latency_ms):
        assert 0 < timing.q1 <= timing.median <= timing.q3
    assert found.training_images_per_s.median < found.inference_images_per_s.median


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
