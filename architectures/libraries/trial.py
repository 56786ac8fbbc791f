"""A trial run, so that what other libraries build but cannot run is told when it is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from architectures.contract import Prediction

if TYPE_CHECKING:
    from torch import nn

SIZE = (64, 64)


def check_runs(network: nn.Module) -> None:
    """Run a network once in evaluation mode on a black image; it stays in training mode.

    Raises:
        ValueError: If an output has a wrong size.
        Exception: Whatever the network raises.
    """
    image = torch.zeros(1, 3, *SIZE, device=next(network.parameters()).device)
    network.eval()
    with torch.no_grad():
        prediction: Prediction = network(image, image)
    network.train()
    for logits in (prediction.mask_logits, prediction.depth_logits):
        if logits is not None and logits.shape != (1, 1, *SIZE):
            raise ValueError(f"at {SIZE} the output has the shape {tuple(logits.shape)}")
