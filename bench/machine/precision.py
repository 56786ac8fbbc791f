"""The number format that networks run in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bench.settings.base import Size


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context for a forward pass: mixed bf16, or plain float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def guard_narrow_convolutions(model: nn.Module, sizes: Iterable[Size]) -> bool:
    """Have a network on the CPU compute convolutions of very narrow images in float32.

    The backward pass of a bf16 convolution whose input is narrower than its stride reads memory
    that nothing wrote (oneDNN 3.12, as in torch 2.13): gradients are then random, often without
    becoming NaN. Networks meet it far down, in images of a few dozen pixels. Tried on a forward
    pass at each size; a network that does not meet it is left as it is.

    Args:
        model: on the CPU; its ``forward`` is wrapped if need be.
        sizes: (height, width) of the images it will see.

    Returns:
        Whether the network needed it.
    """
    tried = _Float32IfNarrow()
    training = model.training
    model.eval()
    with torch.no_grad(), tried:
        for height, width in sizes:
            image = torch.zeros(1, 3, height, width)
            model(image, image)
    model.train(training)
    if tried.met:
        forward: Callable[..., Any] = model.forward

        def guarded(*images: torch.Tensor) -> Any:
            with _Float32IfNarrow():
                return forward(*images)

        model.forward = guarded
    return tried.met


class _Float32IfNarrow(TorchFunctionMode):
    """Inside the context, convolutions of inputs narrower than their stride are not autocast."""

    def __init__(self) -> None:
        super().__init__()
        self.met = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is not torch.conv2d or not _is_narrow(*args, **(kwargs or {})):
            return func(*args, **(kwargs or {}))
        self.met = True
        with torch.autocast("cpu", enabled=False):
            return func(*(_float32(argument) for argument in args), **(kwargs or {}))


def _is_narrow(
    image: torch.Tensor,
    weight: torch.Tensor,  # noqa: ARG001 - the signature of a convolution
    bias: torch.Tensor | None = None,  # noqa: ARG001
    stride: int | tuple[int, ...] = 1,
    *_: object,
    **__: object,
) -> bool:
    return image.shape[-1] < (stride if isinstance(stride, int) else stride[-1])


def _float32(argument: Any) -> Any:
    return argument.float() if isinstance(argument, torch.Tensor) else argument
