"""The device that computes: choosing it, waiting for it, and what memory it took."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from bench import allocator
from bench.errors import InputError, suggestion

CHOICES = ("auto", "cuda", "mps", "cpu")
_MIB = 2**20


def choose(name: str) -> torch.device:
    """The device of that name; ``auto`` takes the first there is of cuda, mps, cpu.

    Raises:
        InputError: there is no such device here.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if name not in available:
        raise InputError(f"--device: unknown device {name!r}{suggestion(name, CHOICES)}")
    if not available[name]:
        raise InputError(f"--device: no {name} device on this machine; use auto or cpu")
    return torch.device(name)


def synchronize(device: torch.device) -> None:
    """Wait until everything queued on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class PeakMemory:
    """The most memory taken since this object was made.

    On CUDA what the allocator handed out; elsewhere what the process held in memory, where the
    system (Linux) can forget an earlier peak.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._known = True
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            allocator.give_back_freed_memory()  # or earlier work would count
            try:
                Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            except OSError:
                self._known = False

    def mib(self) -> float | None:
        """The peak in MiB, or None where it cannot be told."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device) / _MIB
        if not self._known:
            return None
        status = Path("/proc/self/status").read_text(encoding="ascii")
        kib = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(kib[1]) / 1024 if kib else None
