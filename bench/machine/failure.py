"""Why a network failed, in one line."""

from __future__ import annotations

from bench.errors import TrainingError
from bench.training.out_of_memory import is_out_of_memory


def reason(error: Exception) -> str:
    """The error in one line: out of memory under that name, whatever device ran out of it."""
    text = " ".join(str(error).split())
    if is_out_of_memory(error):
        return f"out of memory: {text}"
    if isinstance(error, TrainingError):
        return text
    return f"{type(error).__name__}: {text}"
