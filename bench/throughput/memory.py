"""The most memory that a run takes."""

from __future__ import annotations

from collections.abc import Callable

import torch

from bench.machine.device import synchronize
from bench.machine.memory import PeakMemory
from bench.study.measurement import Memory
from bench.throughput.nvml import Gpu


def peak(run: Callable[[], object], device: torch.device, gpu: Gpu) -> Memory:
    """Of a second run: the first one sets up what stays."""
    run()
    synchronize(device)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    watched = PeakMemory(device)
    run()
    synchronize(device)
    taken_mib = watched.total_mib()
    if device.type != "cuda":
        return Memory(allocated_mib=None, reserved_mib=None, process_mib=taken_mib)
    return Memory(
        allocated_mib=taken_mib,
        reserved_mib=torch.cuda.max_memory_reserved(device) / 2**20,
        process_mib=gpu.process_memory_mib(),
    )
