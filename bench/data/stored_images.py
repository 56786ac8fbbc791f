"""Images as they are stored, in the host's memory or a device's, and how they become a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.data.batches import Batch
from bench.data.dataset import Dataset, Images
from bench.data.split import Rows
from bench.data.transfer import as_tensor, to_device, upload


class StoredImages(NamedTuple):
    """The images of B samples; None where the archives have none.

    Attributes:
        inputs: (2, B, H, W, 3) uint8, the backgrounds and the composites; (1, B, H, W, 3) where
            there are no backgrounds.
        masks, depth_valid, mask_valid: (B, H, W) uint8.
        depths: (B, H, W) uint8, or int16 with the bits of uint16, which torch cannot index.
    """

    inputs: Tensor
    masks: Tensor | None
    depths: Tensor | None
    depth_valid: Tensor | None
    mask_valid: Tensor | None

    def map(self, change: Callable[[Tensor], Tensor]) -> StoredImages:
        """The same with each of the tensors changed."""
        return StoredImages(*(None if tensor is None else change(tensor) for tensor in self))  # type: ignore[arg-type]

    def as_batch(self, depth_maximum: int) -> Batch:
        """Numbers as `Batch` has them; zeros for what the archives lack.

        Args:
            depth_maximum: the coded depth that means 1.
        """
        # Without moving the channels in memory: these stay the last.
        *backgrounds, composite = _shares(self.inputs.permute(0, 1, 4, 2, 3), 255).unbind()
        count, _, height, width = composite.shape

        def zeros() -> Tensor:
            return composite.new_zeros((count, 1, height, width))

        depth_valid = None if self.depth_valid is None else _as_maps(self.depth_valid)
        if self.depths is None:
            depth = depth_valid = zeros()
        else:
            depth = _as_maps(self.depths, depth_maximum)
        return Batch(
            background=backgrounds[0] if backgrounds else torch.zeros_like(composite),
            composite=composite,
            mask=zeros() if self.masks is None else _as_maps(self.masks),
            depth=depth,
            depth_valid=depth_valid,
            mask_valid=None if self.mask_valid is None else _as_maps(self.mask_valid),
        )


class Resident:
    """All images of a dataset in a device's memory, each background once."""

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self._background_rows = None if dataset.backgrounds is None else dataset.background_rows
        inputs = _inputs_of(dataset)
        self._first_composite = sum(images.shape[0] for images in inputs[:-1])
        self._inputs = upload(inputs, device)
        self._maps = [
            None if images is None else upload([images], device) for images in _maps_of(dataset)
        ]

    @staticmethod
    def bytes_of(dataset: Dataset) -> int:
        """How much memory the images of a dataset take."""
        images = [*_inputs_of(dataset), *(maps for maps in _maps_of(dataset) if maps is not None)]
        return sum(part.dtype.itemsize * math.prod(part.shape) for part in images)

    def take(self, rows: Rows) -> StoredImages:
        """The images of some samples."""
        places = [rows, self._first_composite + rows]
        if self._background_rows is not None:
            places.insert(1, self._background_rows[rows])
        on_device = to_device(as_tensor(np.stack(places)), self._inputs.device)
        samples, inputs = on_device[0], on_device[1:]
        return StoredImages(
            self._inputs[inputs],
            *(None if images is None else images[samples] for images in self._maps),
        )


def gather(dataset: Dataset, rows: Rows) -> StoredImages:
    """The images of some samples in the host's memory."""
    inputs = [dataset.composites[rows]]
    if dataset.backgrounds is not None:
        inputs.insert(0, dataset.backgrounds[dataset.background_rows[rows]])
    return StoredImages(
        as_tensor(np.stack(inputs)),
        *(None if images is None else as_tensor(images[rows]) for images in _maps_of(dataset)),
    )


def _inputs_of(dataset: Dataset) -> list[Images]:
    """What the networks see: the backgrounds, if there are any, and the composites."""
    backgrounds = [] if dataset.backgrounds is None else [dataset.backgrounds]
    return [*backgrounds, dataset.composites]


def _maps_of(dataset: Dataset) -> tuple[Images | None, ...]:
    """What predictions are compared with, in the order of `StoredImages`."""
    return dataset.masks, dataset.depths, dataset.depth_valid, dataset.mask_valid


def _as_maps(pixels: Tensor, maximum: int = 1) -> Tensor:
    """(B, H, W) integers to (B, 1, H, W) in [0, 1]."""
    if pixels.dtype == torch.int16:
        pixels = pixels.view(torch.uint16)
    return _shares(pixels.unsqueeze(1), maximum)


def _shares(pixels: Tensor, maximum: int) -> Tensor:
    """Integers as float32 parts of ``maximum``, in one operation."""
    return torch.div(pixels, maximum, out=torch.empty_like(pixels, dtype=torch.float32))
