"""Parts of a network that do not learn for a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase

from torch import nn

from bench.errors import TrainingError
from user_code.names import did_you_mean


def check_parts(model: nn.Module, patterns: Iterable[str]) -> None:
    """Make sure that each pattern fits the name of some module of a network.

    Raises:
        TrainingError: one fits none.
    """
    for pattern in patterns:
        _fitting(model, pattern)


@contextmanager
def frozen(model: nn.Module, patterns: tuple[str, ...]) -> Iterator[list[nn.Module]]:
    """Freeze the modules whose names fit the patterns, inside the block; yields these modules.

    Raises:
        TrainingError: a pattern fits no module.
    """
    resting = [module for pattern in patterns for module in _fitting(model, pattern)]
    learning = [p for module in resting for p in module.parameters() if p.requires_grad]
    try:
        for parameter in learning:
            parameter.requires_grad = False
            parameter.grad = None  # of an earlier stage: it takes memory and counts for nothing
        yield resting
    finally:
        for parameter in learning:
            parameter.requires_grad = True


def _fitting(model: nn.Module, pattern: str) -> list[nn.Module]:
    modules = dict(model.named_modules())
    fitting = [module for name, module in modules.items() if fnmatchcase(name, pattern)]
    if not fitting:
        parts = ", ".join(name for name, _ in model.named_children())
        near = did_you_mean(pattern, modules)
        there = f"{near} (parts: {parts})" if parts else "; there are none"
        raise TrainingError(f"freeze: the network has no part {pattern!r}{there}")
    return fitting
