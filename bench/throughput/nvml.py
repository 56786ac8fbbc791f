"""What an NVIDIA driver tells of its GPU; nothing where it or its Python module is missing."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any, TypeVar

import torch

from bench.study.measurement import DeviceState

T = TypeVar("T")


class Gpu:
    """One CUDA device as the driver sees it.

    Args:
        device: any device; one that is no CUDA device has nothing to tell.
        nvml: the module `pynvml`; None where it is not installed.
    """

    def __init__(self, device: torch.device, nvml: ModuleType | None) -> None:
        self._nvml = nvml
        self._handle: Any = None
        if nvml is not None and device.type == "cuda":
            self._handle = self._ask(lambda: _handle(nvml, device))

    def _ask(self, question: Callable[[], T]) -> T | None:
        """The answer, or None where the driver has none."""
        if self._nvml is None:
            return None
        try:
            return question()
        except self._nvml.NVMLError:
            return None

    def state(self, family: Collection[int]) -> DeviceState | None:
        """Clock, temperature, limit and company; ``family`` are the ids of our own processes."""
        nvml, handle = self._nvml, self._handle
        if nvml is None or handle is None:
            return None
        limit_mw = self._ask(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle))
        return DeviceState(
            clock_mhz=self._ask(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
            temperature_c=self._ask(
                lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
            ),
            power_limit_w=None if limit_mw is None else limit_mw / 1000,
            foreign_processes=self._foreign(family),
        )

    def _foreign(self, family: Collection[int]) -> int | None:
        """None where the driver counts processes by other ids than ours, as in a container."""
        memory = self._memory_of_processes()
        if memory is None or os.getpid() not in memory:
            return None
        return len(memory.keys() - set(family))

    def process_memory_mib(self) -> float | None:
        """What this process takes of the GPU's memory, its libraries included."""
        taken = (self._memory_of_processes() or {}).get(os.getpid())
        return None if taken is None else taken / 2**20

    def _memory_of_processes(self) -> dict[int, int | None] | None:
        nvml, handle = self._nvml, self._handle
        if nvml is None or handle is None:
            return None
        found = self._ask(lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle))
        return None if found is None else {entry.pid: entry.usedGpuMemory for entry in found}

    def energy_j(self) -> float | None:
        """Taken by the GPU since its driver was loaded (Volta and later)."""
        nvml, handle = self._nvml, self._handle
        if nvml is None or handle is None:
            return None
        total_mj = self._ask(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        return None if total_mj is None else total_mj / 1000


def find(device: torch.device) -> Gpu:
    """The GPU behind a device."""
    try:
        return Gpu(device, importlib.import_module("pynvml"))
    except ImportError:
        return Gpu(device, None)


def _handle(nvml: ModuleType, device: torch.device) -> Any:
    nvml.nvmlInit()
    identity = torch.cuda.get_device_properties(device).uuid
    return nvml.nvmlDeviceGetHandleByUUID(f"GPU-{identity}")
