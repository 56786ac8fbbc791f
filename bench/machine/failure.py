"""Why a network failed, in one line."""

from __future__ import annotations

import torch

from bench.errors import TrainingError


def reason(error: Exception) -> str:
    """The error in one line: out of memory under that name, whatever device ran out of it."""
    text = " ".join(str(error).split())
    if is_out_of_memory(error):
        return f"out of memory: {text}"
    if isinstance(error, TrainingError):
        return text
    return f"{type(error).__name__}: {text}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
