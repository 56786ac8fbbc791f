"""What every architecture promises: its inputs, its outputs and the options all of them share."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from architectures.errors import ArchitectureError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

INPUTS = ("pair", "composite")
"""What a network sees: background and composite, or the composite alone."""

TASKS = ("mask", "depth")
"""What a network may be asked for."""


class Prediction(NamedTuple):
    """What an architecture returns: one image of logits per task.

    An architecture is an `nn.Module` with `forward(background, composite) -> Prediction`, where
    background and composite are (B, 3, H, W) in [0, 1] and H and W are any sizes >= 32 px. (In
    training mode, batch normalisation needs a batch of two or more at the smallest sizes.)

    Attributes:
        mask_logits: (B, 1, H, W), any real number; its sigmoid is the probability of foreground.
            None if the network was not asked for a mask.
        depth_logits: (B, 1, H, W), any real number; its sigmoid is the depth in [0, 1]. None if
            the network was not asked for depth.
        native_mask_logits: (B, 1, h, w), the mask at the size of the network's last layer, from
            which `mask_logits` were resized. None where the last layer has full size.
        native_depth_logits: The same of the depth.
    """

    mask_logits: Tensor | None
    depth_logits: Tensor | None
    native_mask_logits: Tensor | None = None
    native_depth_logits: Tensor | None = None


def normalize_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Check the values of the options that all entries share, and bring them to one spelling.

    Args:
        options: Keyword options of an entry, as written in Python or YAML. `inputs`, `tasks`,
            `width` and `encoder_weights` are looked at, others are passed on as they are.

    Returns:
        The same options, with `tasks` as a tuple in the order of `TASKS`, `width` as a float and
        `encoder_weights` None where it was the word "none".

    Raises:
        ArchitectureError: If a value is none that the option can take.
    """
    checked = dict(options)
    if "inputs" in options:
        _check_inputs(options["inputs"])
    if "tasks" in options:
        checked["tasks"] = _normalize_tasks(options["tasks"])
    if "width" in options:
        checked["width"] = _normalize_width(options["width"])
    if "encoder_weights" in options:
        checked["encoder_weights"] = _normalize_weights(options["encoder_weights"])
        if checked["encoder_weights"] is not None and checked.get("width", 1.0) != 1.0:
            raise ArchitectureError(
                f"encoder_weights={options['encoder_weights']!r} fit the published network only: "
                f"leave width at 1 (not {options['width']!r}) or the weights out"
            )
    return checked


def _check_inputs(inputs: object) -> None:
    if inputs not in INPUTS:
        raise ArchitectureError(
            f"inputs={inputs!r} is none of {_quoted(INPUTS)}{did_you_mean(str(inputs), INPUTS)}"
        )


def _normalize_tasks(tasks: Any) -> tuple[str, ...]:
    chosen = [tasks] if isinstance(tasks, str) else tasks
    right = f"give one or both of {_quoted(TASKS)}"
    if not isinstance(chosen, (list, tuple)) or not chosen:
        raise ArchitectureError(f"tasks={tasks!r} is no list of tasks; {right}")
    for task in chosen:
        if task not in TASKS:
            raise ArchitectureError(f"tasks={tasks!r}: there is no task {task!r}; {right}")
    if len(set(chosen)) != len(chosen):
        raise ArchitectureError(f"tasks={tasks!r} is no list of tasks; {right}")
    return tuple(task for task in TASKS if task in chosen)


def _normalize_width(width: Any) -> float:
    is_number = isinstance(width, (int, float)) and not isinstance(width, bool)
    if not is_number or not math.isfinite(width) or width <= 0:
        raise ArchitectureError(
            f"width={width!r} is no number above 0 (1 is the published network, 0.25 a quarter of "
            "its channels)"
        )
    return float(width)


def _normalize_weights(weights: Any) -> str | None:
    if weights is None or weights == "none":
        return None
    if weights != "imagenet" and not _is_file(str(weights)):
        raise ArchitectureError(
            f"encoder_weights={str(weights)!r} is neither 'imagenet', 'none' nor an existing file"
        )
    return str(weights)


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113  a path that is too long for the system is none


def _quoted(choices: tuple[str, ...]) -> str:
    return ", ".join(repr(choice) for choice in choices)
