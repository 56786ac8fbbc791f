"""Whether a network is compiled before it is trained, and why."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from bench.data.batches import Batch
from bench.machine.device import synchronize
from bench.machine.precision import autocast
from bench.settings import Recipe
from bench.training.multitask_loss import MultiTaskLoss

DEVICES = ("cuda",)  # where launching kernels one by one can cost more than computing them
PROBE_STEPS = 10
MIN_TRAINING_S = 300.0  # without compiling; below it, compiling takes longer than it saves
MIN_SPEEDUP = 1.05  # of a step, by compiling
# The forms that ``auto`` tries; the third also launches all kernels of a step at once.
FORMS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "plain": lambda model: model,
    "compiled": torch.compile,  # type: ignore[dict-item]
    "in CUDA graphs": partial(torch.compile, mode="reduce-overhead"),  # type: ignore[dict-item]
}


class Compiling:
    """Compiles a network, or not, as the recipe says; ``auto`` does what is faster on the device.

    The first steps of the training show how long it would take without compiling; compiled forms
    are tried only where that is long. On the CPU ``auto`` does not compile: a choice by the clock
    would make two runs differ in their last digits.

    Args:
        model: on the device.
        objectives: the losses.
        recipe: with ``compile``.
        device: that trains.
        steps: of the training.

    Attributes:
        network: what to train: the model, or its compiled form, which shares the weights.
        reason: in words, for the record.
    """

    def __init__(
        self,
        model: nn.Module,
        objectives: MultiTaskLoss,
        recipe: Recipe,
        device: torch.device,
        steps: int,
    ) -> None:
        # Torch compiles one forward method for eight networks at most and silently runs further
        # ones uncompiled; and it keeps the memory of networks that are no longer used.
        torch.compiler.reset()
        self._model, self._objectives, self._recipe = model, objectives, recipe
        self._device, self._steps = device, steps
        self._undecided = recipe.compile == "auto" and device.type in DEVICES
        self._probe_started = 0.0
        self.network = FORMS["compiled" if recipe.compile == "on" else "plain"](model)
        if self._undecided:
            self.reason = f"skipped: only {steps} steps of training"
        elif recipe.compile == "auto":
            self.reason = "skipped on a CPU, so that runs agree to the last digit"
        else:
            self.reason = "as the recipe says"

    def before_step(self, step: int, batch: Batch) -> None:
        """Measure the time of the first steps, then decide.

        Args:
            step: the number of the next one, from 0.
            batch: to try compiled forms on; the network's weights and statistics do not change.
        """
        if not self._undecided:
            return
        if step == PROBE_STEPS:
            synchronize(self._device)
            self._probe_started = time.perf_counter()
        elif step == 2 * PROBE_STEPS:
            synchronize(self._device)
            step_s = (time.perf_counter() - self._probe_started) / PROBE_STEPS
            self._decide(step_s * self._steps, batch)
            self._undecided = False

    def _decide(self, training_s: float, batch: Batch) -> None:
        if training_s < MIN_TRAINING_S:
            self.reason = f"skipped: only {training_s:.0f} s of training"
            return
        seconds, found = dict.fromkeys(FORMS, math.inf), []
        for name, form in FORMS.items():
            try:
                seconds[name] = self._step_s(form(copy.deepcopy(self._model)), batch)
                found.append(f"{name} {1000 * seconds[name]:.1f} ms a step")
            except Exception as error:  # noqa: BLE001 - whatever the compiler stumbles over
                found.append(f"{name}: {' '.join(str(error).split())[:200]}")
        torch.compiler.reset()
        fastest = min(seconds, key=seconds.__getitem__)
        if seconds[fastest] * MIN_SPEEDUP < seconds["plain"] < math.inf:
            self.network = FORMS[fastest](self._model)
        self.reason = ", ".join(found)

    def _step_s(self, model: nn.Module, batch: Batch) -> float:
        """Return the seconds of one forward and backward pass after a warm-up."""
        objectives = copy.deepcopy(self._objectives)  # so that the gradients are the copy's
        model.train()
        started = 0.0
        for step in range(2 * PROBE_STEPS):
            if step == PROBE_STEPS:
                synchronize(self._device)
                started = time.perf_counter()
            with autocast(self._device, self._recipe.precision):
                prediction = model(batch.background, batch.composite)
            objectives(prediction, batch).total.backward()
            model.zero_grad(set_to_none=True)
        synchronize(self._device)
        return (time.perf_counter() - started) / PROBE_STEPS
