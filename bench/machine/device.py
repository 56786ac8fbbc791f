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


def check_count(device: torch.device, count: int, threads: int) -> None:
    """Make sure that there are as many devices as train one cell together.

    Args:
        device: their kind.
        count: how many; on the CPU these are processes, which share the threads.
        threads: that a cell computes with.

    Raises:
        InputError: there are fewer.
    """
    if device.type == "cpu" and count > threads:
        raise InputError(
            f"devices_per_cell: {count} processes on the CPU need a thread each, and a cell "
            f"computes with {threads} in all; give --threads {count} or more, if there are so many"
        )
    there = {"cuda": torch.cuda.device_count(), "cpu": count}.get(device.type, 1)
    if count > there:
        raise InputError(
            f"devices_per_cell: {count} devices are asked for, and there are {there} of "
            f"{device.type} here; give at most {there}"
        )


def synchronize(device: torch.device) -> None:
    """Wait until everything queued on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
