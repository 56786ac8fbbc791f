"""Batches on the device, so that the network does not wait for them.

On a CUDA device the decoded images lie in its memory if a share of what is free holds them.
Otherwise a thread gathers the next batch while the network is at work on this one, in page-locked
memory, from where it is copied on a stream of its own. On the CPU the images are gathered as they
are needed, which costs next to nothing from a cache; streamed ones are decoded ahead.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Literal

import torch

from bench.data.batches import Batch
from bench.data.dataset import Dataset
from bench.data.split import Rows
from bench.data.stored_images import Resident, StoredImages, gather
from bench.data.transfer import to_device

RESIDENT_SHARE = 0.3  # of the device's free memory, the most that images may take
AHEAD = 2  # batches that are prepared while the network is at work

Location = Literal["device", "host", "archive"]


class BatchLoader:
    """The batches of one dataset for one device.

    Where the images lie is decided at the first use, so that a process that only plans, or that
    others are forked from, leaves the device alone.

    Args:
        dataset: whose samples.
        device: where the batches are to lie.

    Attributes:
        waited_s: how long whoever iterated over `iterate` has waited, in all, for the host to read
            images; what the device does itself is no waiting.
    """

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self.dataset, self.device = dataset, device
        self.waited_s = 0.0

    @property
    def location(self) -> Location:
        """Where the decoded images lie: ``archive`` if they are decoded at every use."""
        if self.dataset.streamed:
            return "archive"
        return "host" if self._resident is None else "device"

    @property
    def resident_mib(self) -> float:
        """How much of the device's memory the images take."""
        return Resident.bytes_of(self.dataset) / 2**20 if self._resident is not None else 0.0

    def load(self, rows: Rows) -> Batch:
        """The given rows as a batch; images are channels-last in memory."""
        resident = self._resident
        stored = self._read(rows) if resident is None else resident.take(rows)
        return stored.as_batch(self.dataset.depth_maximum)

    def iterate(self, batches_of_rows: Iterable[Rows]) -> Iterator[Batch]:
        """One batch after the other, prepared ahead where that saves time."""
        if self._resident is not None:
            yield from map(self.load, batches_of_rows)
            return
        ahead = self.device.type == "cuda" or self.dataset.streamed
        prepared = self._ahead(batches_of_rows) if ahead else map(self._read, batches_of_rows)
        while True:
            started = time.perf_counter()
            stored = next(prepared, None)
            self.waited_s += time.perf_counter() - started
            if stored is None:
                return
            yield stored.as_batch(self.dataset.depth_maximum)

    @cached_property
    def _resident(self) -> Resident | None:
        """All the images in a CUDA device's memory, if they fit."""
        if self.device.type != "cuda" or self.dataset.streamed:
            return None
        free, _ = torch.cuda.mem_get_info(self.device)
        if Resident.bytes_of(self.dataset) > RESIDENT_SHARE * free:
            return None
        return Resident(self.dataset, self.device)

    def _read(self, rows: Rows) -> StoredImages:
        return gather(self.dataset, rows).map(lambda images: to_device(images, self.device))

    def _ahead(self, batches_of_rows: Iterable[Rows]) -> Iterator[StoredImages]:
        copying = None
        if self.device.type == "cuda":
            copying = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        waiting: deque[Future[tuple[StoredImages, torch.cuda.Event | None]]] = deque()
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
    ) -> tuple[StoredImages, torch.cuda.Event | None]:
        if copying is None:
            return self._read(rows), None
        with torch.cuda.stream(copying):
            return self._read(rows), copying.record_event()

    def _arrived(self, stored: StoredImages, event: torch.cuda.Event | None) -> StoredImages:
        if event is not None:
            current = torch.cuda.current_stream(self.device)
            current.wait_event(event)
            for tensor in stored:
                if tensor is not None:
                    # Its memory is not free before this stream is done.
                    tensor.record_stream(current)
        return stored
