"""One network trained by several processes, each with a device and its share of every batch.

Data-parallel training as torch has it (Li et al. 2020, https://arxiv.org/abs/2006.15704): each
process has a replica of the network, and their gradients add up before each update, so that the
replicas stay equal. All that is decided by a clock, by the validation images or by a checkpoint is
decided by the first process.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from torch.nn.parallel import DistributedDataParallel

from bench.data.batches import Batch
from bench.training.multitask_loss import LossValues, Scale
from bench.training.replica import NetworkWithLosses, Replica
from bench.training.sync_batch_norm import synchronised

Value = TypeVar("Value")

HOST = "127.0.0.1"
STEP_TIMEOUT = timedelta(minutes=10)  # that a process waits for the others in the midst of a step
WAIT_TIMEOUT = timedelta(days=30)  # and while the first one validates or writes a checkpoint


def open_store() -> TCPStore:
    """Return a store, at a free port of the loopback interface, for a `ProcessGroup` to meet at."""
    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    return TCPStore(
        HOST, port, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach()
    )


class Group:
    """The processes that train one network; this class by itself: the only one.

    Attributes:
        rank: the number of this process, from 0; and size: how many there are.
    """

    rank = 0
    size = 1

    @property
    def places(self) -> slice:
        """Which samples of a batch are this process's.

        One in ``size``, so that a micro-batch of all processes together has the samples that it has
        where one process divides the batch, if the numbers divide without a remainder.
        """
        return slice(self.rank, None, self.size)

    def first(self, compute: Callable[[], Value]) -> Value:
        """Return what the first process computes; the others wait for it."""
        return compute()

    def each(self, value: Value) -> list[Value]:
        """Return what the processes give, in their order."""
        return [value]

    def prepare(self, model: nn.Module) -> nn.Module:
        """Return a network whose BatchNorms see the images of all processes."""
        return model

    def replica(self, network: NetworkWithLosses, images: int) -> Replica | None:
        """Return the replica of this process, joined with the others; None if there is no other.

        Args:
            network: on the device.
            images: in each batch, over all processes.
        """
        del network, images
        return None


ALONE = Group()


class ProcessGroup(Group):
    """Several processes of one machine.

    Args:
        rank: of this process.
        size: how many there are.
        port: of the store from `open_store`.
        device: of this process.
    """

    def __init__(self, rank: int, size: int, port: int, device: torch.device) -> None:
        self.rank, self.size, self._device = rank, size, device
        for _, name in socket.if_nameindex():
            if name.startswith("lo"):
                os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
                os.environ.setdefault("NCCL_SOCKET_IFNAME", name)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=TCPStore(HOST, port, is_master=False),
            rank=rank,
            world_size=size,
            timeout=STEP_TIMEOUT,
        )
        # Between the hosts: what is said here does not wait for the devices.
        self._hosts = dist.new_group(backend="gloo", timeout=WAIT_TIMEOUT)

    def first(self, compute: Callable[[], Value]) -> Value:
        """Return what the first process computes; the others wait for it."""
        found: list[Any] = [compute() if self.rank == 0 else None]
        dist.broadcast_object_list(found, src=0, group=self._hosts)
        value: Value = found[0]
        return value

    def each(self, value: Value) -> list[Value]:
        """Return what the processes give, in their order."""
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value, group=self._hosts)
        return found

    def prepare(self, model: nn.Module) -> nn.Module:
        """Return a network whose BatchNorms see the images of all processes."""
        return synchronised(model, self._device)

    def replica(self, network: NetworkWithLosses, images: int) -> Replica | None:
        """Return the replica of this process, joined with the others.

        Args:
            network: on the device.
            images: in each batch, over all processes.
        """
        return _JoinedReplica(network, self.size, images)


class _JoinedReplica(Replica):
    """A replica whose gradients and losses add up over the processes.

    Each process's loss is its share of the batch's, so that the gradients of the batch's are the
    sum. `DistributedDataParallel` takes their mean while the backward pass is under way, which
    `backward` makes up for.
    """

    def __init__(self, network: NetworkWithLosses, size: int, images: int) -> None:
        super().__init__(network)
        self.size, self._images = size, images
        # Not every parameter needs to have a part in the losses: a head may be without one.
        self._parallel = DistributedDataParallel(network, find_unused_parameters=True)

    def images(self, batch: Batch) -> int:
        """Return how many images the whole batch has, of which this process has ``batch``."""
        del batch
        return self._images

    def losses(self, batch: Batch, scale: Scale | None, *, is_last: bool) -> LossValues:
        """Return the losses of some images; the gradients of the last ones are exchanged."""
        self._parallel.require_backward_grad_sync = is_last  # as its `no_sync` does
        losses: LossValues = self._parallel(batch, scale)
        return losses

    def backward(self, total: Tensor) -> None:
        """Add the gradients of a loss to those that there are."""
        super().backward(self.size * total)

    def whole(self, losses: LossValues) -> LossValues:
        """Return the losses of the whole batch from those of this process's share."""
        return losses.changed(_summed)


def _summed(values: Tensor) -> Tensor:
    dist.all_reduce(values)
    return values
