"""The device that computes: choosing it, and waiting for it."""

from __future__ import annotations

import torch

from bench.errors import InputError, suggestion

CHOICES = ("auto", "cuda", "mps", "cpu")


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
