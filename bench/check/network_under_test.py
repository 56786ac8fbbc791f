"""The network under examination, as new for every check."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

import architectures
from architectures import Prediction
from bench.check import scenes
from bench.check.finding import Fault


class NetworkUnderTest:
    """A network by its spec.

    Attributes:
        tasks: what it is asked to predict.
        seed: of its weights, and of dropout.
        deadline: when to be done, on the clock of `time.monotonic`, in seconds.
    """

    def __init__(
        self, spec: str, options: Mapping[str, Any], *, seed: int, deadline: float
    ) -> None:
        self._spec = spec
        self._options = options
        self.seed = seed
        self.deadline = deadline
        self._network = self.another()
        asked = options.get("tasks", architectures.options(spec).get("tasks"))
        self.tasks = (asked,) if isinstance(asked, str) else tuple(asked or architectures.TASKS)
        self._weights = copy.deepcopy(self._network.state_dict())

    def another(self) -> nn.Module:
        """Build the network once more."""
        return architectures.create(self._spec, seed=self.seed, **self._options)

    def network(self, *, training: bool) -> nn.Module:
        """The network with its initial weights and no gradients."""
        self._network.load_state_dict(self._weights, strict=False)  # buffers may come with use
        self._network.zero_grad(set_to_none=True)
        return self._network.train(training)

    def as_left(self) -> nn.Module:
        """The network as the check before this one left it."""
        return self._network

    def seconds_left(self) -> float:
        """Until the deadline."""
        return self.deadline - time.monotonic()

    def predict(self, network: nn.Module, count: int, height: int, width: int) -> dict[str, Tensor]:
        """The heads' logits for ``count`` scenes of ``height`` x ``width`` px, without gradients.

        Raises:
            Fault: they are not what the contract promises.
        """
        images = scenes.render(count, height, width)
        with torch.no_grad():
            prediction = network(images.background, images.composite)
        return self._heads(prediction, images.mask.shape)

    def _heads(self, prediction: object, shape: torch.Size) -> dict[str, Tensor]:
        if not isinstance(prediction, Prediction):
            raise Fault(
                f"forward returned a {type(prediction).__name__}, no architectures.Prediction",
                "return Prediction(mask_logits=..., depth_logits=...)",
            )
        heads = {task: getattr(prediction, f"{task}_logits") for task in architectures.TASKS}
        for task, logits in heads.items():
            if (logits is not None) != (task in self.tasks):
                there, right = ("missing", "(B, 1, H, W)") if logits is None else ("there", "None")
                raise Fault(
                    f"the {task} head is {there}, and the tasks are {', '.join(self.tasks)}",
                    f"return {task}_logits={right}, or take an option tasks=... that says what to "
                    "predict",
                )
            if logits is not None:
                _check_logits(task, logits, shape)
        return {task: logits for task, logits in heads.items() if logits is not None}


def _check_logits(task: str, logits: object, shape: torch.Size) -> None:
    if not isinstance(logits, Tensor):
        raise Fault(f"{task}_logits is a {type(logits).__name__}", "return a tensor")
    if logits.shape != shape:
        raise Fault(
            f"{task}_logits is {tuple(logits.shape)} for images of {shape[2]} x {shape[3]} px; "
            f"it has to be {tuple(shape)}",
            "end with F.interpolate(logits, size=composite.shape[2:], mode='bilinear') or crop "
            "what was padded; one channel a head",
        )
    if not logits.isfinite().all():
        raise Fault(
            f"{task}_logits is not finite at {shape[2]} x {shape[3]} px",
            "look for a division by zero, a logarithm or a root of 0, and for an overflow",
        )
