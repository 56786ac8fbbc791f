"""The number format that networks run in."""

from __future__ import annotations

import torch


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context for a forward pass: mixed bf16, or plain float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
