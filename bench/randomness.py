"""Where random numbers come from: one independent stream per seed and purpose."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch


def stream_seed(seed: int, purpose: str) -> int:
    """A 63-bit seed for one purpose, unrelated to the same seed's other purposes."""
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, purpose: str) -> torch.Generator:
    """A generator on the CPU, so that every device draws the same numbers."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose))


@contextmanager
def seeded_globals(seed: int, purpose: str, device: torch.device) -> Iterator[None]:
    """Seed the global generators of torch, NumPy and Python in the block; restore them after it.

    For what accepts no generator of its own: dropout, and whatever a user's network draws from.
    """
    with kept_globals(device):
        value = stream_seed(seed, purpose)
        torch.manual_seed(value)
        np.random.seed(value % 2**32)  # noqa: NPY002 - the global one is meant
        random.seed(value)
        yield


@contextmanager
def kept_globals(device: torch.device) -> Iterator[None]:
    """Leave the global generators where they stood before the block."""
    before = random_state(device)
    try:
        yield
    finally:
        set_random_state(before, device)


def random_state(device: torch.device) -> dict[str, Any]:
    """Return where the global generators of torch, NumPy and Python stand: tensors, and JSON."""
    algorithm, words, *rest = cast("tuple[Any, ...]", np.random.get_state())  # noqa: NPY002
    return {
        "host": torch.get_rng_state(),
        "device": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "numpy": [algorithm, words.tolist(), *rest],
        "python": random.getstate(),
    }


def set_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Bring the global generators to where `random_state` found them."""
    torch.set_rng_state(state["host"].cpu())
    if state["device"] is not None:
        torch.cuda.set_rng_state(state["device"].cpu(), device)
    np.random.set_state(tuple(state["numpy"]))  # noqa: NPY002
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
