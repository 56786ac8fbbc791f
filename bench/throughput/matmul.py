"""What a device reaches at best: a large matrix product, measured as the networks are."""

from __future__ import annotations

import torch

from bench.throughput.sampling import GLANCE, Timer, sample_s

SIDE = {"cuda": 8192}
SIDE_ELSEWHERE = 1024


def matmul_flops_per_s(precision: str, device: torch.device, timer: Timer) -> float:
    """Floating-point operations a second of a square matrix product in ``precision``.

    Call it inside of `bench.machine.precision.number_format`, which tells TF32 from float32.

    Raises:
        TrainingError: other programs disturbed it.
    """
    side = SIDE.get(device.type, SIDE_ELSEWHERE)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    first, second = torch.randn(
        2, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float32
    ).to(device, dtype)
    product = torch.empty_like(first)
    seconds = sample_s(lambda: torch.mm(first, second, out=product), timer, GLANCE)
    return 2.0 * side**3 / seconds
