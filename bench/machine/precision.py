"""The number format that networks compute in, and the guard that one of them needs on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bench.errors import InputError
from bench.settings.base import Size

# Of CUDA devices, the first that compute in it.
TF32_CAPABILITY = (8, 0)
BF16_CAPABILITY = (8, 0)


def check_precision(device: torch.device, precision: str) -> None:
    """Make sure that a device can compute in a recipe's number format.

    Raises:
        InputError: it cannot.
    """
    if precision == "tf32" and not (
        device.type == "cuda" and torch.cuda.get_device_capability(device) >= TF32_CAPABILITY
    ):
        raise InputError(
            "precision: tf32 needs a CUDA device of compute capability 8.0 or more, and this is "
            f"{device.type}; take float32 or bf16"
        )


@contextmanager
def number_format(precision: str) -> Iterator[None]:
    """Compute in a recipe's number format inside the block, forward and backward.

    On a CUDA device what is float32 is computed in float32, and with ``tf32`` in TF32, which keeps
    10 bits of the fraction of what is multiplied; torch's own default is TF32 in convolutions and
    float32 elsewhere. The forward pass of a bf16 recipe needs `autocast` besides.

    cuDNN's heuristic chooses the algorithms of convolutions, and no trial (`cudnn.benchmark`): a
    choice by the clock would differ from cell to cell, and what is tried takes memory.
    """
    before = _float32_formats()
    benchmark = torch.backends.cudnn.benchmark
    try:
        _set_float32_formats(*["tf32" if precision == "tf32" else "ieee"] * 2)
        torch.backends.cudnn.benchmark = False
        yield
    finally:
        _set_float32_formats(*before)
        torch.backends.cudnn.benchmark = benchmark


def _float32_formats() -> tuple[str, str]:
    """What float32 is computed in on CUDA: in matrix products and in convolutions."""
    return (
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.cudnn.conv.fp32_precision,  # type: ignore[attr-defined]
    )


def _set_float32_formats(products: str, convolutions: str) -> None:
    """Set both, in torch's old switches too: it raises errors where old and new ones differ."""
    torch.backends.cuda.matmul.allow_tf32 = products == "tf32"
    torch.backends.cudnn.allow_tf32 = convolutions == "tf32"
    torch.backends.cuda.matmul.fp32_precision = products
    torch.backends.cudnn.conv.fp32_precision = convolutions  # type: ignore[attr-defined]


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context for a forward pass: mixed bf16, or none."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def guard_narrow_convolutions(model: nn.Module, sizes: Iterable[Size]) -> bool:
    """Have a network on the CPU compute convolutions of very narrow images in float32.

    The backward pass of a bf16 convolution whose input is narrower than its stride, and of a
    transposed one whose output is, reads memory that nothing wrote (oneDNN 3.12, as in torch 2.13):
    gradients are then random, often without becoming NaN. Networks meet it far down, in images of
    a few dozen pixels. Tried on a forward pass at each size; a network that does not meet it is
    left as it is.

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
    """Inside the context, convolutions of images narrower than their stride are not autocast."""

    def __init__(self) -> None:
        super().__init__()
        self.met = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        options = kwargs or {}
        if func not in {torch.conv2d, torch.conv_transpose2d}:
            return func(*args, **options)
        image, stride = _image_and_stride(*args, **options)
        found = None
        if func is torch.conv_transpose2d:
            image = found = func(*args, **options)  # which its backward pass convolves
        if image.shape[-1] >= stride:
            return func(*args, **options) if found is None else found
        self.met = True
        with torch.autocast("cpu", enabled=False):
            return func(
                *(_float32(value) for value in args),
                **{name: _float32(value) for name, value in options.items()},
            )


def _image_and_stride(
    input: torch.Tensor,  # noqa: A002 - the signature of a convolution
    weight: torch.Tensor,  # noqa: ARG001
    bias: torch.Tensor | None = None,  # noqa: ARG001
    stride: int | tuple[int, ...] = 1,
    *_: object,
    **__: object,
) -> tuple[torch.Tensor, int]:
    """What is convolved, and the stride across it."""
    return input, stride if isinstance(stride, int) else stride[-1]


def _float32(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) else value
