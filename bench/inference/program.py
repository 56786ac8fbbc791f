"""A trained network as a program that runs without this project: of torch.export, or ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.errors import InputError
from bench.inference.description import Description
from bench.settings.base import Size

if TYPE_CHECKING:
    from torch.export import ExportedProgram

STEP = 32  # px, by which the sides of images may differ: what most encoders divide by
FEWEST_STEPS, MOST_STEPS = 2, 128  # a side has: below, some networks have a single row at the end
TOLERANCE = 1e-4  # of a probability or a depth, between a program and the network
Maps = dict[str, Tensor]
ONNX_REMEDY = "pip install 'maskdepth-bench[export]'"


class Maps01(nn.Module):
    """A network whose images and predictions are in [0, 1] throughout, by plain names.

    Args:
        network: as `architectures` has it.
        description: of it.
    """

    def __init__(self, network: nn.Module, description: Description) -> None:
        super().__init__()
        self.network = network
        self.tasks = description.tasks

    def forward(self, composite: Tensor, background: Tensor | None = None) -> Maps:
        """Return ``mask`` and ``depth``, (B, 1, H, W), as far as the network was trained for them.

        Args:
            composite: (B, 3, H, W).
            background: the same; None of a network that does not look at it.
        """
        behind = torch.zeros_like(composite) if background is None else background
        prediction = self.network(behind, composite)
        logits = {"mask": prediction.mask_logits, "depth": prediction.depth_logits}
        return {task: logits[task].float().sigmoid() for task in self.tasks}
