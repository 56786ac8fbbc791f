"""From the host's memory to a device's, so that the host does not wait."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.data.dataset import Images

PIECE_BYTES = 2**25  # of what is uploaded, copied at once


def as_tensor(array: npt.NDArray[Any]) -> Tensor:
    """The array as a tensor of the same bits: int16 for uint16, which torch cannot index."""
    whole = np.ascontiguousarray(array)
    return torch.from_numpy(whole.view(np.int16) if whole.dtype == np.uint16 else whole)


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; a CUDA copy goes on while the host does other things."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def upload(arrays: Sequence[Images], device: torch.device) -> Tensor:
    """Arrays of images of one kind, one after the other, on the device.

    They pass through one small page-locked buffer. To lock all of a large array would take as much
    of the host's memory again, rounded up to a power of two, in each process.
    """
    image_shape, dtype = arrays[0].shape[1:], arrays[0].dtype
    rows = max(1, PIECE_BYTES // (dtype.itemsize * math.prod(image_shape)))
    buffer = as_tensor(np.empty((rows, *image_shape), dtype))
    if device.type == "cuda":
        buffer = buffer.pin_memory()
    count = sum(array.shape[0] for array in arrays)
    found = torch.empty((count, *image_shape), dtype=buffer.dtype, device=device)
    place = 0
    for array in arrays:
        for start in range(0, array.shape[0], rows):
            images = array[start : start + rows]
            piece = buffer[: len(images)]
            piece.numpy().view(dtype)[:] = images
            found[place : place + len(images)] = piece  # waits, as the buffer is filled again
            place += len(images)
    return found
