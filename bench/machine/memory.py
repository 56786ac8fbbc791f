"""How much memory was taken, and what becomes of the host's memory that is freed.

A training step frees and asks for the same hundreds of MiB again and again. By default the C
library gives large blocks back to the system, which clears every page before it hands it out anew:
up to a fifth of a step on the CPU. See mallopt(3) and malloc_trim(3); where the C library is
another than glibc, nothing is done.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

# Of mallopt, as malloc.h numbers them.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_NEVER = -1
_GROWTH_BYTES = 2**26
_MIB = 2**20
_RESIDENT = ("VmHWM", "RssFile", "RssShmem")  # in /proc/self/status


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

    On CUDA what the allocator handed out. Elsewhere what the process held in memory, where the
    system (Linux) can tell the peak and forget an earlier one; pages of mapped files, which the
    data and the libraries are, do not count.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        gc.collect()  # or what is freed later would count as less than nothing
        self._peak = 0.0
        self._known = self.forget()
        self._before = self._highest()

    def mib(self) -> float | None:
        """Return the peak in MiB beyond what was taken before, or None where it cannot be told."""
        return max(self._peak, self._highest()) - self._before if self._known else None

    def total_mib(self) -> float | None:
        """Return the peak in MiB with what was taken before, or None where it cannot be told."""
        return max(self._peak, self._highest()) if self._known else None

    def count_at_least(self, mib: float | None) -> None:
        """Count a peak that an earlier run of the same work had, by `mib`."""
        if mib is not None:
            self._peak = max(self._peak, self._before + mib)

    @contextmanager
    def ignoring(self) -> Iterator[None]:
        """Do not count what is taken inside the block."""
        self._peak = max(self._peak, self._highest())
        try:
            yield
        finally:
            if self._highest() > self._peak:
                self.forget()

    def forget(self) -> bool:
        """Count from now on alone, and what was taken before the last block that was ignored.

        Returns:
            Whether the system can.
        """
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            return True
        give_back_freed_memory()  # or it would go on being held
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return False
        return len(_resident_kib()) == len(_RESIDENT)

    def _highest(self) -> float:
        """In MiB, since it was last forgotten."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device) / _MIB
        kib = _resident_kib()
        return (kib.pop("VmHWM", 0) - sum(kib.values())) / 1024


def _resident_kib() -> dict[str, int]:
    """What this process holds in memory: at its peak, and now of mapped files, shared or not."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return {}
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return {name: int(fields[name].split()[0]) for name in _RESIDENT if name in fields}


def _of_c_library(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
