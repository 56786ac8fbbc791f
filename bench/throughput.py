"""How fast a network runs once warm.

A region is timed in blocks long enough for the clock; the device is synchronised at both ends of
a block and never inside one, so that launching and computing overlap as they do in use. Latency is
the exception: every single forward pass waits for its result, as its user would.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.data.batches import Batch
from bench.device import synchronize
from bench.objectives import Objectives
from bench.precision import autocast
from bench.record import Throughput, Timing
from bench.settings import Recipe
from bench.train import create_optimizer, train_step

WARM_UP_RUNS = 3
WARM_UP_S = 0.2
BLOCK_S = 0.05
BLOCKS = 10
LONGEST_S = 3.0


def measure(
    model: nn.Module,
    objectives: Objectives,
    batch: Batch,
    recipe: Recipe,
    *,
    peak_memory_mib: float | None,
    device: torch.device,
) -> Throughput:
    """Time inference, training and latency on one batch that is on the device already.

    The model's weights change: measure last.
    """

    def forward(batch: Batch) -> None:
        with torch.inference_mode(), autocast(device, recipe.precision):
            model(batch.background, batch.composite)

    one = Batch(*(picture[:1] for picture in batch))
    images = len(batch.mask)
    model.eval()
    inference_s = time_blocks(partial(forward, batch), device)
    latency_s = time_blocks(partial(forward, one), device, block_s=0)
    flops = count_flops(model, one)
    model.train()
    optimizer = create_optimizer(model, recipe)
    training_s = time_blocks(
        lambda: train_step(model, objectives, optimizer, batch, recipe, device=device), device
    )
    return Throughput(
        inference_images_per_s=_summary([images / seconds for seconds in inference_s]),
        training_images_per_s=_summary([images / seconds for seconds in training_s]),
        latency_ms=_summary([1000 * seconds for seconds in latency_s]),
        batch_size=images,
        peak_memory_mib=peak_memory_mib,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        forward_flops=flops,
    )


def time_blocks(
    run: Callable[[], object], device: torch.device, *, block_s: float = BLOCK_S
) -> list[float]:
    """Seconds of one run of ``run``, one figure a block.

    A block holds as many runs as fill ``block_s``, at least one. There are `BLOCKS` of them, fewer
    (at least three) where they would take longer than `LONGEST_S`.
    """
    runs, started = 0, time.perf_counter()
    while runs < WARM_UP_RUNS or time.perf_counter() - started < WARM_UP_S:
        run()
        synchronize(device)
        runs += 1
        last_s = time.perf_counter() - started
    per_block = max(1, round(block_s * runs / last_s))
    seconds: list[float] = []
    started = time.perf_counter()
    while len(seconds) < BLOCKS:
        block_started = time.perf_counter()
        for _ in range(per_block):
            run()
        synchronize(device)
        seconds.append((time.perf_counter() - block_started) / per_block)
        if len(seconds) >= WARM_UP_RUNS and time.perf_counter() - started > LONGEST_S:
            break
    return seconds


def count_flops(model: nn.Module, batch: Batch) -> int:
    """Floating-point operations of one forward pass over ``batch``."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(batch.background, batch.composite)
    return int(counter.get_total_flops())


def _summary(values: list[float]) -> Timing:
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return Timing(median=median, q1=q1, q3=q3, count=len(values))
