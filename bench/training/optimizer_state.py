"""The state of an optimizer as it was, in memory laid out as it was."""

from __future__ import annotations

from typing import Any

import torch


def with_keys_of_text(state: dict[str, Any]) -> dict[str, Any]:
    """Return what `state_dict` returned with the numbers of its parameters as text, for JSON."""
    return {**state, "state": {str(number): own for number, own in state["state"].items()}}


def load_optimizer(optimizer: torch.optim.Optimizer, kept: dict[str, Any]) -> None:
    """Load what `with_keys_of_text` returned.

    What has the shape of a parameter is laid out in memory as that is: fused optimizers walk
    through both side by side.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state = {
        int(number): {
            name: _laid_out_like(parameters[int(number)], value) for name, value in own.items()
        }
        for number, own in kept["state"].items()
    }
    optimizer.load_state_dict({"state": state, "param_groups": kept["param_groups"]})


def _laid_out_like(parameter: torch.Tensor, value: Any) -> Any:
    if not isinstance(value, torch.Tensor) or value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
