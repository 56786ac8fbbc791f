"""Batches on the device, so that the network does not wait for them.

On a CUDA device the decoded images lie in its memory if a share of what is free holds them.
Otherwise a thread gathers the next batch while the network is at work on this one, in page-locked
memory, from where it is copied on a stream of its own. On the CPU the images are gathered as they
are needed, which costs next to nothing from a cache; streamed ones are decoded ahead.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench.data.batches import Batch
from bench.data.dataset import Dataset, Images
from bench.data.split import Rows

RESIDENT_SHARE = 0.3  # of the device's free memory, the most that images may take
AHEAD = 2  # batches that are prepared while the network is at work

Location = Literal["device", "host", "archive"]


class _Stored(NamedTuple):
    """The images of some samples as they are stored; None where there are none.

    Attributes:
        backgrounds, composites: (B, H, W, 3) uint8.
        masks, depth_valid, mask_valid: (B, H, W) uint8.
        depths: (B, H, W) uint8, or int16 with the bits of uint16, which torch cannot index.
    """

    backgrounds: Tensor | None
    composites: Tensor
    masks: Tensor | None
    depths: Tensor | None
    depth_valid: Tensor | None
    mask_valid: Tensor | None

    def map(self, change: Callable[[Tensor], Tensor]) -> _Stored:
        """The same with each of the tensors changed."""
        return _Stored(*(None if tensor is None else change(tensor) for tensor in self))  # type: ignore[arg-type]

    def to(self, device: torch.device) -> _Stored:
        """The same on the device; a CUDA copy goes on while the host does other things."""
        if device.type != "cuda":
            return self.map(lambda tensor: tensor.to(device))
        return self.map(lambda tensor: tensor.pin_memory().to(device, non_blocking=True))


class BatchLoader:
    """The batches of one dataset for one device.

    Args:
        dataset: whose samples.
        device: where the batches are to lie.

    Attributes:
        waited_s: how long whoever iterated over `iterate` has waited for batches in all.
    """

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self.dataset, self.device = dataset, device
        self.waited_s = 0.0
        self._resident = _put_on_device(dataset, device)

    @property
    def location(self) -> Location:
        """Where the decoded images lie: ``archive`` if they are decoded at every use."""
        if self.dataset.streamed:
            return "archive"
        return "host" if self._resident is None else "device"

    def load(self, rows: Rows) -> Batch:
        """The given rows as a batch; images are channels-last in memory."""
        if self._resident is not None:
            return _as_batch(self._resident.take(torch.from_numpy(rows).to(self.device)), self)
        return _as_batch(_gather(self.dataset, rows).to(self.device), self)

    def iterate(self, batches_of_rows: Iterable[Rows]) -> Iterator[Batch]:
        """One batch after the other, prepared ahead where that saves time."""
        ahead = self._resident is None and (self.device.type == "cuda" or self.dataset.streamed)
        prepared = self._ahead(batches_of_rows) if ahead else map(self.load, batches_of_rows)
        while True:
            started = time.perf_counter()
            batch = next(prepared, None)
            self.waited_s += time.perf_counter() - started
            if batch is None:
                return
            yield batch

    def _ahead(self, batches_of_rows: Iterable[Rows]) -> Iterator[Batch]:
        copying = None
        if self.device.type == "cuda":
            copying = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        waiting: deque[Future[tuple[_Stored, torch.cuda.Event | None]]] = deque()
        with ThreadPoolExecutor(1) as worker:
            try:
                for rows in batches_of_rows:
                    waiting.append(worker.submit(self._prepare, rows, copying))
                    if len(waiting) > AHEAD:
                        yield self._arrived(*waiting.popleft().result())
                while waiting:
                    yield self._arrived(*waiting.popleft().result())
            finally:
                worker.shutdown(wait=False, cancel_futures=True)

    def _prepare(
        self, rows: Rows, copying: torch.cuda.Stream | None
    ) -> tuple[_Stored, torch.cuda.Event | None]:
        stored = _gather(self.dataset, rows)
        if copying is None:
            return stored, None
        with torch.cuda.stream(copying):
            moved = stored.to(self.device)
            return moved, copying.record_event()

    def _arrived(self, stored: _Stored, event: torch.cuda.Event | None) -> Batch:
        if event is not None:
            current = torch.cuda.current_stream(self.device)
            current.wait_event(event)
            for tensor in stored:
                if tensor is not None:
                    tensor.record_stream(
                        current
                    )  # its memory is not free before this stream is done
        return _as_batch(stored, self)


def _put_on_device(dataset: Dataset, device: torch.device) -> _Resident | None:
    """All the images in a CUDA device's memory, if they fit."""
    if device.type != "cuda" or dataset.streamed:
        return None
    arrays = (dataset.backgrounds, *_of_samples(dataset))
    needed = sum(a.dtype.itemsize * math.prod(a.shape) for a in arrays if a is not None)
    if needed > RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]:
        return None
    whole = _stored(*(None if array is None else array[:] for array in arrays))
    background_rows = torch.from_numpy(dataset.background_rows)
    return _Resident(whole.to(device), background_rows.to(device))


class _Resident(NamedTuple):
    """All images of a dataset on the device, each background once."""

    images: _Stored
    background_rows: Tensor

    def take(self, rows: Tensor) -> _Stored:
        taken = self.images._replace(backgrounds=None).map(lambda images: images[rows])
        if self.images.backgrounds is None:
            return taken
        return taken._replace(backgrounds=self.images.backgrounds[self.background_rows[rows]])


def _gather(dataset: Dataset, rows: Rows) -> _Stored:
    """The images of some rows in the host's memory."""
    backgrounds = dataset.backgrounds
    return _stored(
        None if backgrounds is None else backgrounds[dataset.background_rows[rows]],
        *(None if images is None else images[rows] for images in _of_samples(dataset)),
    )


def _of_samples(dataset: Dataset) -> tuple[Images | None, ...]:
    """What `_Stored` holds but for the backgrounds."""
    return (
        dataset.composites,
        dataset.masks,
        dataset.depths,
        dataset.depth_valid,
        dataset.mask_valid,
    )


def _stored(*arrays: npt.NDArray[Any] | None) -> _Stored:
    return _Stored(*(None if array is None else _as_tensor(array) for array in arrays))  # type: ignore[arg-type]


def _as_tensor(array: npt.NDArray[Any]) -> Tensor:
    whole = np.ascontiguousarray(array)
    return torch.from_numpy(whole.view(np.int16) if whole.dtype == np.uint16 else whole)


def _as_batch(stored: _Stored, loader: BatchLoader) -> Batch:
    """Numbers as `Batch` has them; zeros for what the archives lack."""
    count, height, width, _ = stored.composites.shape
    zeros = torch.zeros((count, 1, height, width), device=loader.device)
    composite = _as_image(stored.composites)
    depth = valid = zeros
    if stored.depths is not None:
        # int16 holds the bits of uint16: those above its range came out negative.
        whole = stored.depths.int() & loader.dataset.depth_maximum
        depth = (whole.float() / loader.dataset.depth_maximum).unsqueeze(1)
        valid = torch.ones_like(depth)
    if stored.depth_valid is not None:
        valid = stored.depth_valid.float().unsqueeze(1)
    return Batch(
        background=(
            torch.zeros_like(composite)
            if stored.backgrounds is None
            else _as_image(stored.backgrounds)
        ),
        composite=composite,
        mask=zeros if stored.masks is None else stored.masks.float().unsqueeze(1),
        depth=depth,
        depth_valid=valid,
        mask_valid=None if stored.mask_valid is None else stored.mask_valid.float().unsqueeze(1),
    )


def _as_image(pixels: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) in [0, 1], without moving the channels in memory."""
    return pixels.permute(0, 3, 1, 2).float() / 255
