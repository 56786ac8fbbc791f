"""Ways to run one network, and whether each still gives the same output.

- ``channels_last``: in the recipe's precision, channels side by side, as `bench run` trains.
- ``float32``, ``bf16``: in that precision, images channel by channel in memory.
- ``compiled``: as trained, by `torch.compile`.
- ``cuda_graph``: as trained, recorded once as a CUDA graph and replayed; for forward passes only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor

from architectures import Prediction
from bench.errors import InputError, suggestion
from bench.study.timing_case import VariantName

VARIANTS: tuple[VariantName, ...] = get_args(VariantName)
EAGER: tuple[VariantName, ...] = ("channels_last", "float32", "bf16")
CONTIGUOUS = ("float32", "bf16")
# Of the largest logit; tf32 has 11 significant bits, and bf16 has 8.
TOLERANCE = {"float32": 1e-3, "tf32": 0.01, "bf16": 0.05}


def chosen(names: list[str], device: torch.device) -> tuple[VariantName, ...]:
    """The variants of these names; without any, all on a CUDA device and the eager ones elsewhere.

    Elsewhere there are no CUDA graphs, and compiling a network takes minutes.

    Raises:
        InputError: there is no such variant, or not on this device.
    """
    for name in names:
        if name not in VARIANTS:
            raise InputError(f"--variant: unknown variant {name!r}{suggestion(name, VARIANTS)}")
    if "cuda_graph" in names and device.type != "cuda":
        raise InputError(f"--variant cuda_graph needs a CUDA device, not {device.type}")
    asked = [variant for variant in VARIANTS if variant in names]
    return tuple(asked) or (VARIANTS if device.type == "cuda" else EAGER)


def deviation(prediction: Prediction, expected: Prediction) -> float:
    """The largest difference of a logit, as a share of the largest logit of its head."""
    shares = [
        float((ours.float() - theirs.float()).abs().max() / theirs.float().abs().max())
        for ours, theirs in zip(prediction, expected, strict=True)
        if ours is not None and theirs is not None
    ]
    if not shares or any(share != share for share in shares):  # noqa: PLR0124 - NaN
        return float("inf")
    return max(shares)


class Captured:
    """A forward pass as a CUDA graph, for inputs of one shape.

    Args:
        predict: what is recorded.
        background, composite: an example of its inputs, (B, 3, H, W) on the device.
    """

    def __init__(
        self, predict: Callable[[Tensor, Tensor], Prediction], background: Tensor, composite: Tensor
    ) -> None:
        self._background, self._composite = background.clone(), composite.clone()
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):  # libraries set themselves up outside of the recording
            for _ in range(3):
                predict(self._background, self._composite)
        torch.cuda.current_stream().wait_stream(beside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._prediction = predict(self._background, self._composite)

    def __call__(self, background: Tensor, composite: Tensor) -> Prediction:
        """The prediction for these inputs; the next call overwrites it."""
        self._background.copy_(background)
        self._composite.copy_(composite)
        self._graph.replay()
        return self._prediction
