"""Floating-point operations, counted while they are carried out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

COUNTER = f"torch.utils.flop_counter {torch.__version__}"
COMPUTES_NOTHING = re.compile(
    r"_to_copy|_unsafe_view|clone|copy_|detach|fill_|zero_|new_.+|.+_like|cat|stack"
)


def count(run: Callable[[], object]) -> tuple[int, set[str]]:
    """The operations of a run, and the names of those that the counter has no formula for."""
    with _Uncounted() as seen, FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops()), seen.names


class _Uncounted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers what computes floating-point numbers without being counted."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        packet = func.overloadpacket
        name = str(packet).removeprefix("aten.")
        computes = not (func.is_view or COMPUTES_NOTHING.fullmatch(name)) and any(
            map(_is_float, args)
        )
        if computes and packet not in flop_registry:
            self.names.add(name)
        return out


def _is_float(argument: object) -> bool:
    if isinstance(argument, list | tuple):
        return any(map(_is_float, argument))
    return isinstance(argument, Tensor) and argument.is_floating_point()
