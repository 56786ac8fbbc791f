"""All of a network that training may change: its tensors, and which of them learn."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class NetworkState:
    """What a network is at this moment, to bring it back to that.

    Args:
        model: the network.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._learning = learning_of(model)
        self._tensors = {
            name: value.detach().clone() if isinstance(value, torch.Tensor) else value
            for name, value in tensors_of(model).items()
        }

    def restore(self) -> None:
        """Have the network be as it was."""
        load_tensors(self._model, self._tensors)
        set_learning(self._model, self._learning)
        self._model.zero_grad()


def tensors_of(model: nn.Module) -> dict[str, Any]:
    """Return the weights and buffers of a network, those too that no file of weights has."""
    return {**dict(model.named_buffers()), **model.state_dict()}


def load_tensors(model: nn.Module, tensors: dict[str, Any]) -> None:
    """Give a network what `tensors_of` returned."""
    persistent = model.state_dict().keys()
    model.load_state_dict({name: tensors[name] for name in persistent})
    for name, buffer in model.named_buffers():
        if name not in persistent:
            buffer.copy_(tensors[name])


def shapes_of(model: nn.Module) -> dict[str, Any]:
    """Return what tells the tensors of two networks apart; no tensor is like nothing else."""
    return {
        name: (value.shape, value.dtype) if isinstance(value, torch.Tensor) else object()
        for name, value in tensors_of(model).items()
    }


def learning_of(model: nn.Module) -> list[bool]:
    """Return of each parameter whether it learns."""
    return [parameter.requires_grad for parameter in model.parameters()]


def set_learning(model: nn.Module, learning: list[bool]) -> None:
    """Have those parameters learn that `learning_of` told of."""
    for parameter, learns in zip(model.parameters(), learning, strict=True):
        parameter.requires_grad_(learns)
