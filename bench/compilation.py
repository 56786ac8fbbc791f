"""Whether a network is compiled before it is trained, and why."""

from __future__ import annotations

import copy
import time
from typing import NamedTuple

import torch
from torch import nn

from bench.data.batches import Batch
from bench.device import synchronize
from bench.objectives import Objectives
from bench.precision import autocast
from bench.settings import Recipe

DEVICES = ("cuda",)  # where launching kernels one by one can cost more than computing them
PROBE_STEPS = 10
WORTH_S = 300.0  # of training without compiling; below it, compiling takes longer than it saves
GAIN = 1.05  # the least by which a compiled step has to be faster
# What ``auto`` tries: the compiler's fused kernels, and these launched all at once besides.
MODES = {"compiled": None, "in CUDA graphs": "reduce-overhead"}


class Compilation(NamedTuple):
    """What came of `choose`.

    Attributes:
        network: what to train: the model, or its compiled form, which shares the weights.
        reason: in words, for the record.
    """

    network: nn.Module
    reason: str


def choose(
    model: nn.Module, objectives: Objectives, recipe: Recipe, batch: Batch, steps: int
) -> Compilation:
    """Compile a model, or not, as the recipe says; ``auto`` tries what is faster on this device.

    On the CPU ``auto`` does not compile: a choice by the clock would make two runs differ in their
    last digits.

    Args:
        model: on the device of ``batch``; its weights and statistics are left as they are.
        objectives: the losses.
        recipe: with ``compile``.
        batch: to try the step on.
        steps: how many the training will make.
    """
    # Torch compiles one forward method for eight networks at most and runs further ones plainly,
    # without a word; and a network that is done with holds its memory.
    torch.compiler.reset()
    if recipe.compile != "auto":
        return Compilation(_compiled(model) if recipe.compile == "on" else model, "as asked for")
    if batch.mask.device.type not in DEVICES:
        return Compilation(model, "not on a CPU, so that runs agree to the last digit")
    objectives = copy.deepcopy(objectives)  # equal_scale takes its scales from the first batch
    eager_s = _step_s(copy.deepcopy(model), objectives, recipe, batch)
    if eager_s * steps < WORTH_S:
        return Compilation(model, f"not for {eager_s * steps:.0f} s of training")
    seconds = {}
    found = [f"{1000 * eager_s:.1f} ms a step plainly"]
    for name, mode in MODES.items():
        try:
            tried = _compiled(copy.deepcopy(model), mode)
            seconds[name] = _step_s(tried, objectives, recipe, batch)
            found.append(f"{1000 * seconds[name]:.1f} ms {name}")
        except Exception as error:  # noqa: BLE001 - whatever the compiler stumbles over
            found.append(f"not {name}: {' '.join(str(error).split())[:200]}")
    fastest = min(seconds, key=seconds.__getitem__, default=None)
    if fastest is None or seconds[fastest] * GAIN >= eager_s:
        return Compilation(model, ", ".join(found))
    torch.compiler.reset()
    return Compilation(_compiled(model, MODES[fastest]), ", ".join(found))


def _compiled(model: nn.Module, mode: str | None = None) -> nn.Module:
    compiled: nn.Module = torch.compile(model, mode=mode)  # type: ignore[assignment]
    return compiled


def _step_s(model: nn.Module, objectives: Objectives, recipe: Recipe, batch: Batch) -> float:
    """Seconds of one forward and backward pass, warm."""
    device = batch.mask.device
    model.train()
    started = 0.0
    for step in range(2 * PROBE_STEPS):
        if step == PROBE_STEPS:
            synchronize(device)
            started = time.perf_counter()
        with autocast(device, recipe.precision):
            prediction = model(batch.background, batch.composite)
        objectives(prediction, batch).total.backward()
        model.zero_grad(set_to_none=True)
    synchronize(device)
    return (time.perf_counter() - started) / PROBE_STEPS
