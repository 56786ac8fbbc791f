"""Parts of a network that do not learn for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase

from torch import nn

from bench.errors import TrainingError


@contextmanager
def frozen(model: nn.Module, patterns: tuple[str, ...]) -> Iterator[list[nn.Module]]:
    """Freeze the modules whose names fit the patterns, inside the block; yields these modules.

    Raises:
        TrainingError: a pattern fits no module.
    """
    resting = []
    for pattern in patterns:
        fitting = [module for name, module in model.named_modules() if fnmatchcase(name, pattern)]
        if not fitting:
            parts = ", ".join(name for name, _ in model.named_children())
            raise TrainingError(f"freeze: the network has no part {pattern!r} (parts: {parts})")
        resting += fitting
    learning = [p for module in resting for p in module.parameters() if p.requires_grad]
    try:
        for parameter in learning:
            parameter.requires_grad_(requires_grad=False)
            parameter.grad = None  # of an earlier stage: it takes memory and counts for nothing
        yield resting
    finally:
        for parameter in learning:
            parameter.requires_grad_(requires_grad=True)
