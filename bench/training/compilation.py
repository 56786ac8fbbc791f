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
from bench.machine.failure import reason
from bench.machine.memory import PeakMemory
from bench.machine.precision import autocast
from bench.randomness import kept_globals
from bench.settings import Recipe
from bench.study.record import Execution
from bench.text import shortened
from bench.training.duration import Duration
from bench.training.multitask_loss import MultiTaskLoss
from bench.training.out_of_memory import micro_batches

DEVICES = ("cuda",)  # where launching kernels one by one can cost more than computing them
PROBE_STEPS = 10
MIN_TRAINING_S = 300.0  # without compiling; below it, compiling takes longer than it saves
MIN_SPEEDUP = 1.05  # of a step, by compiling
MAX_REASON = 200  # characters of why a form cannot be taken
# The forms that ``auto`` tries; the third also launches all kernels of a step at once, which it
# cannot if gradients of several passes add up.
IN_GRAPHS = "in CUDA graphs"
FORMS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "plain": lambda model: model,
    "compiled": torch.compile,  # type: ignore[dict-item]
    IN_GRAPHS: partial(torch.compile, mode="reduce-overhead"),  # type: ignore[dict-item]
}


class Compiling:
    """Compiles a network, or not, as the recipe says; ``auto`` does what is faster on the device.

    The first steps of the training show how long it would take without compiling; compiled forms
    are tried only where that is long. Trainings that differ in nothing but the seed all take the
    form that the first of them took, at the same step: the clock may say something else each time.
    On the CPU ``auto`` does not compile, so that two runs do not differ in their last digits.

    Args:
        model: on the device.
        objectives: the losses.
        recipe: with ``compile``.
        device: that trains.
        duration: of the training.
        memory: what is counted; a trial is not.
        precedent: how an earlier training of such a network was carried out.
        devices: that train it together; several never compile.

    Attributes:
        network: what to train: the model, or its compiled form, which shares the weights.
        form: of `FORMS`.
        reason: in words, for the record.
        undecided: whether the first steps are still to show what is faster.
    """

    def __init__(
        self,
        model: nn.Module,
        objectives: MultiTaskLoss,
        recipe: Recipe,
        device: torch.device,
        *,
        duration: Duration,
        memory: PeakMemory,
        precedent: Execution | None = None,
        devices: int = 1,
    ) -> None:
        # Torch compiles one forward method for eight networks at most and silently runs further
        # ones uncompiled; and it keeps the memory of networks that are no longer used.
        torch.compiler.reset()
        self._model, self._objectives, self._recipe = model, objectives, recipe
        self._device, self._duration = device, duration
        self._memory, self._precedent = memory, precedent
        is_tried = device.type in DEVICES and devices == 1
        self.undecided = recipe.compile == "auto" and is_tried
        self._probe_started = 0.0
        self._take("compiled" if recipe.compile == "on" else "plain")
        if self.undecided:
            self.reason = "skipped: too few steps of training to try it"
        elif recipe.compile == "auto" and devices > 1:
            self.reason = "skipped on several devices"
        elif recipe.compile == "auto":
            self.reason = "skipped on a CPU, so that runs agree to the last digit"
        else:
            self.reason = "as the recipe says"

    def _take(self, form: str) -> None:
        self.form, self.network = form, FORMS[form](self._model)

    def go_on(self, form: str, reason: str) -> None:
        """Go on as an earlier run of the training decided."""
        self._take(form)
        self.reason, self.undecided = reason, False

    def before_step(self, step: int, batch: Batch) -> None:
        """Measure the time of the first steps, then decide.

        Args:
            step: the number of the next one, from 0.
            batch: to try compiled forms on. Nothing that training depends on changes: neither
                weights nor statistics nor random numbers.
        """
        if not self.undecided:
            return
        if step == PROBE_STEPS:
            synchronize(self._device)
            self._probe_started = time.perf_counter()
        elif step == 2 * PROBE_STEPS:
            synchronize(self._device)
            step_s = (time.perf_counter() - self._probe_started) / PROBE_STEPS
            self.undecided = False
            if self._precedent is not None:
                self._follow(self._precedent)
            elif (expected_s := self._duration.expected_s(step_s)) < MIN_TRAINING_S:
                self.reason = f"skipped: only {expected_s:.0f} s of training"
            else:
                with self._memory.ignoring(), kept_globals(self._device):
                    self._try(batch)

    def _follow(self, precedent: Execution) -> None:
        self.reason = "as in an earlier cell of this network"
        if precedent.compiled:
            self._take(IN_GRAPHS if precedent.cuda_graphs else "compiled")

    def _try(self, batch: Batch) -> None:
        """Take the form whose steps are the fastest."""
        forms = dict(FORMS)
        if self._recipe.accumulate > 1:
            del forms[IN_GRAPHS]
        part, _ = next(micro_batches(batch, self._recipe.accumulate))
        seconds, found = dict.fromkeys(forms, math.inf), []
        for name, form in forms.items():
            try:
                seconds[name] = self._step_s(form(copy.deepcopy(self._model)), part)
                found.append(f"{name} {1000 * seconds[name]:.1f} ms a step")
            except Exception as error:  # noqa: BLE001 - whatever the compiler stumbles over
                found.append(f"{name}: {shortened(reason(error), MAX_REASON)}")
        torch.compiler.reset()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        fastest = min(seconds, key=seconds.__getitem__)
        if seconds[fastest] * MIN_SPEEDUP < seconds["plain"] < math.inf:
            self._take(fastest)
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
