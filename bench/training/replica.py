"""A network with its losses: what a process trains, alone or together with others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.data.batches import Batch
from bench.machine.precision import autocast
from bench.training.multitask_loss import LossValues, MultiTaskLoss, Scale


class NetworkWithLosses(nn.Module):
    """A network and its losses as one module, from a batch to `LossValues`.

    Args:
        model: the network, on the device.
        objectives: the losses.
        device: that computes.
        precision: of the recipe.
    """

    def __init__(
        self, model: nn.Module, objectives: MultiTaskLoss, device: torch.device, precision: str
    ) -> None:
        super().__init__()
        self.model, self.objectives = model, objectives
        self._device, self._precision = device, precision

    def forward(self, batch: Batch, scale: Scale | None) -> LossValues:
        """Return the losses of some images, with the scale of ``equal_scale``."""
        with autocast(self._device, self._precision):
            prediction = self.model(batch.background, batch.composite)
        losses: LossValues = self.objectives(prediction, batch, scale)
        return losses


class Replica:
    """The network that this process trains; this class by itself: the only one.

    Attributes:
        size: how many processes have one.
    """

    size = 1

    def __init__(self, network: NetworkWithLosses) -> None:
        self._network: nn.Module = network

    def images(self, batch: Batch) -> int:
        """Return how many images the whole batch has, of which this process has ``batch``."""
        return len(batch.mask)

    def losses(self, batch: Batch, scale: Scale | None, *, is_last: bool) -> LossValues:
        """Return the losses of some images.

        Args:
            batch: the images.
            scale: of ``equal_scale``.
            is_last: whether no more gradients are added up before the weights are updated.
        """
        del is_last
        losses: LossValues = self._network(batch, scale)
        return losses

    def backward(self, total: Tensor) -> None:
        """Add the gradients of a loss to those that there are."""
        torch.autograd.backward(total)

    def whole(self, losses: LossValues) -> LossValues:
        """Return the losses of the whole batch from those of this process's share."""
        return losses
