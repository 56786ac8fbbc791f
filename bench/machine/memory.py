"""How much memory was taken, and what becomes of the host's memory that is freed.

A training step frees and asks for the same hundreds of MiB again and again. By default the C
library gives large blocks back to the system, which clears every page before it hands it out anew:
up to a fifth of a step on the CPU. See mallopt(3) and malloc_trim(3); where the C library is
another than glibc, nothing is done.
"""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path
from typing import Any

import torch

# Of mallopt, as malloc.h numbers them.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_NEVER = -1
_GROWTH_BYTES = 2**26
_MIB = 2**20


def keep_freed_memory() -> None:
    """Have this process keep what it frees, for the next time that it asks for memory."""
    if (mallopt := _of_c_library("mallopt")) is not None:
        mallopt(_MMAP_MAX, 0)  # blocks that are mapped one by one cannot be kept
        mallopt(_TRIM_THRESHOLD, _NEVER)
        mallopt(_TOP_PAD, _GROWTH_BYTES)


def give_back_freed_memory() -> None:
    """Give the system what is kept, so that the process's memory is what it uses."""
    if (malloc_trim := _of_c_library("malloc_trim")) is not None:
        malloc_trim(0)


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
            give_back_freed_memory()  # or earlier work would count
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


def _of_c_library(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
