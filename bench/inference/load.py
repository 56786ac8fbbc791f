"""From a study back to the network that was trained."""

from __future__ import annotations

from typing import Any

import safetensors.torch
from torch import nn

import architectures
from bench.errors import InputError
from bench.settings import Architecture
from bench.study.record import Record
from bench.study.results import Results
from bench.training.teacher import StudentTeacher

STARTING_WEIGHTS = "encoder_weights"  # an option for what is replaced here


def network(results: Results, record: Record) -> nn.Module:
    """Return the network of a cell with the weights that were kept of it, on the CPU.

    It is in evaluation mode: called with background and composite, (B, 3, H, W) in [0, 1] each, it
    returns an `architectures.Prediction`.

    Raises:
        InputError: no weights were kept, they are damaged, or they do not fit the network's code.
    """
    content = results.weights(record)
    if content is None:
        raise InputError(
            f"{record.cell.label}: its weights were not kept; run its grid with `keep: {{weights: "
            "best}` into another folder"
        )
    model = _create(record.cell.architecture)
    if record.cell.train.teacher is not None:
        model = StudentTeacher(model, _create(record.cell.train.teacher.architecture))
    try:
        model.load_state_dict(safetensors.torch.load(content))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{record.cell.label}: its weights do not fit the code as it is now: {reason}"
        ) from None
    return model.eval()


def _create(architecture: Architecture) -> nn.Module:
    options: dict[str, Any] = dict(architecture.options)
    options.pop(STARTING_WEIGHTS, None)
    return architectures.create(architecture.name, **options)
