"""Where random numbers come from: one independent stream per seed and purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

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
    """Seed torch's global generators inside the block and restore them after it.

    For layers such as dropout, which accept no generator of their own.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(stream_seed(seed, purpose))
        yield


def random_state(device: torch.device) -> list[torch.Tensor]:
    """Return where torch's global generators stand: the host's, and a CUDA device's."""
    on_device = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *on_device]


def set_random_state(states: list[torch.Tensor], device: torch.device) -> None:
    """Bring torch's global generators to where `random_state` found them."""
    host, *on_device = (state.cpu() for state in states)
    torch.set_rng_state(host)
    for state in on_device:
        torch.cuda.set_rng_state(state, device)
