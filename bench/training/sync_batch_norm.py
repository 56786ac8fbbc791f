"""BatchNorm over the batches of all processes, on CUDA devices and on the CPU."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def synchronised(model: nn.Module, device: torch.device) -> nn.Module:
    """Return the network with BatchNorms of the same tensors that see the images of all processes.

    Each normalises by the mean and variance over these, as one process would with all of them.
    """
    if device.type == "cuda":
        found: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return found
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.__class__ = HostSyncBatchNorm
    return model


def is_synchronised(model: nn.Module) -> bool:
    """Return whether a network has such BatchNorms."""
    return any(isinstance(m, nn.SyncBatchNorm | HostSyncBatchNorm) for m in model.modules())


class HostSyncBatchNorm(_BatchNorm):
    """What `torch.nn.SyncBatchNorm` is on CUDA devices, which alone it computes on."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the overridden signature
        """Return the input (B, C, ...) normalised channel by channel, in its own number format."""
        if not self.training:
            return super().forward(input)
        others = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        values = input.float()
        size = values.new_tensor([values.numel() // values.size(1)])
        sums = _sum(torch.cat((values.sum(others), size)))
        count = sums[-1]
        mean = sums[:-1] / count
        centred = values - mean.view(shape)
        variance = _sum(centred.square().sum(others)) / count
        self._track(mean.detach(), variance.detach(), count.item())
        found: Tensor = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            found = found * self.weight.view(shape) + self.bias.view(shape)
        return found.to(input.dtype)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        """Leave it to what was there before: any number of dimensions will do."""

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: float) -> None:
        """Move the running statistics towards those of a batch, the variance's unbiased."""
        if self.running_mean is None or self.running_var is None:
            return
        share = self.momentum
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if share is None:
                share = 1 / self.num_batches_tracked.item()
        if share is None:
            return
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (count / (count - 1)), share)


class _Sum(torch.autograd.Function):
    """The sum over the processes; so is its gradient."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _sum(values: Tensor) -> Tensor:
    found: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return found


def _summed(values: Tensor) -> Tensor:
    found = values.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(found)
    return found
