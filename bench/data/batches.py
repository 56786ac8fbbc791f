"""Batches: as which tensors, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from bench.data.split import Rows


class Batch(NamedTuple):
    """B samples of one size (H, W), all float32 on one device.

    Attributes:
        background: (B, 3, H, W) in [0, 1].
        composite: (B, 3, H, W) in [0, 1].
        mask: (B, 1, H, W) in {0, 1}, 1 on the object.
        depth: (B, 1, H, W) in [0, 1], 0 near.
        depth_valid: (B, 1, H, W) in {0, 1}, 0 where there is no reading; None where every pixel of
            the archives has one.
        mask_valid: (B, 1, H, W) in {0, 1}, 0 where the mask is unknown, whatever it says there;
            None where the archives tell of no such pixels.
    """

    background: Tensor
    composite: Tensor
    mask: Tensor
    depth: Tensor
    depth_valid: Tensor | None = None
    mask_valid: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """The same with each of the tensors changed."""
        return Batch(*(None if image is None else change(image) for image in self))  # type: ignore[arg-type]

    @property
    def readings(self) -> Tensor:
        """Where depth has readings, (B, 1, H, W): `depth_valid`, or ones."""
        return torch.ones_like(self.depth) if self.depth_valid is None else self.depth_valid


def in_order(rows: Rows, batch_size: int) -> Iterator[Rows]:
    """Every row once, in order; the last batch may be short."""
    for start in range(0, len(rows), batch_size):
        yield rows[start : start + batch_size]


def batches_per_epoch(rows: Rows, batch_size: int) -> int:
    """How many batches `shuffled` gives: whole ones, at least one."""
    return max(1, len(rows) // batch_size)


def shuffled(rows: Rows, batch_size: int, generator: torch.Generator) -> Iterator[Rows]:
    """One epoch in random order, in whole batches.

    The rows that do not fill a batch are left out of this epoch (BatchNorm would see a smaller
    batch); which rows those are changes from epoch to epoch.
    """
    order = torch.randperm(len(rows), generator=generator).numpy()
    for number in range(batches_per_epoch(rows, batch_size)):
        yield rows[order[number * batch_size : (number + 1) * batch_size]]
