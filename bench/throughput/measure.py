"""What one process finds out about one case."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import torch

from bench.data.batches import Batch
from bench.errors import TrainingError
from bench.machine import environment
from bench.machine.device import synchronize
from bench.machine.failure import is_out_of_memory, reason
from bench.machine.memory import keep_freed_memory
from bench.machine.precision import number_format
from bench.study.measurement import DeviceState, Flops, Measurement
from bench.study.timing_case import (
    AS_TRAINED,
    END_TO_END,
    INFERENCE,
    LATENCY,
    TimingCase,
    training_figure,
)
from bench.throughput import energy, matmul, memory, nvml
from bench.throughput.sampling import (
    GLANCE,
    WARM_UP_AGAIN_S,
    WARM_UP_S,
    Effort,
    Sampling,
    Timer,
    sample_s,
)
from bench.throughput.sweep import sweep
from bench.throughput.variants import TOLERANCE, deviation
from bench.throughput.workload import Workload
from bench.training import flops


class TimedNetwork:
    """A case on a device: prepared once, then visited round by round.

    Args:
        case: what is measured.
        plan: how thoroughly.
        device: on what.
    """

    def __init__(self, case: TimingCase, plan: Effort, device: torch.device) -> None:
        self._subject, self._plan, self._device = case, plan, device
        self._gpu = nvml.find(device)
        self._timer = Timer(partial(synchronize, device))
        self._states: list[DeviceState] = []
        self._remarks: list[str] = []
        self._samplings: dict[str, Sampling] = {}
        self._ended: dict[str, Sampling] = {}  # which failed
        self._found: dict[str, Any] = {}

    def meet(self, family: Collection[int]) -> None:
        """Learn who else takes turns on the device: the ids of the processes, with this one's."""
        self._timer = replace(self._timer, gpu=partial(self._gpu.state, family))

    def prepare(self) -> None:
        """Build the network, count, and measure all that needs no comparison by rounds.

        Raises:
            TrainingError: the variant's output is not that of plain float32.
        """
        keep_freed_memory()  # as `bench run` does
        work = self._work = Workload(self._subject, self._device)
        with number_format(self._subject.precision):
            batch = work.random_batch(work.batch_size)
            first_run_s = self._timer.time(partial(work.predict, batch))
            if self._plan.thorough:
                self._check_output()  # before a training step moves the statistics of BatchNorms
            self._found = {
                "first_run_s": first_run_s,
                "parameters": work.parameters,
                "flops": self._count_flops(),
            }
            if self._plan.thorough:
                self._examine(batch)
        self._lay_out()

    def _check_output(self) -> None:
        plain = Workload(self._subject.model_copy(update={"variant": "float32"}), self._device)
        for number in range(2):  # whatever was recorded with one batch has to follow another
            batch = self._work.random_batch(self._work.batch_size, number)
            with number_format("float32"):
                expected = plain.predict(batch)
            share = deviation(self._work.predict(batch), expected)
            tolerance = TOLERANCE[self._subject.precision]
            if not share <= tolerance:
                raise TrainingError(
                    f"the output differs from plain float32's by {share:.2g} of the largest logit, "
                    f"more than {tolerance:g}"
                )

    def _count_flops(self) -> Flops:
        one, two = self._work.random_batch(1), self._work.random_batch(2)
        with torch.no_grad():
            self._work.model.eval()
            model = self._work.model
            forward, uncounted = flops.count(lambda: model(one.background, one.composite))
        training = None
        try:
            of_two, more = flops.count(lambda: torch.autograd.backward(self._work.loss(two)))
            training, uncounted = of_two // 2, uncounted | more
        except Exception as error:  # noqa: BLE001 - whatever a network does is a remark
            self._remark("FLOPs of training", error)
        self._work.model.zero_grad(set_to_none=True)
        return Flops(
            forward=forward,
            training=training,
            counter=flops.COUNTER,
            uncounted=tuple(sorted(uncounted)),
        )

    def _examine(self, batch: Batch) -> None:
        work, precision = self._work, self._subject.precision
        forward = partial(work.predict, batch)

        def at(size: int) -> float:
            images = work.random_batches(size)
            return sample_s(lambda: work.predict(next(images)), self._timer, GLANCE)

        self._try("inference_memory", lambda: memory.peak(forward, self._device, self._gpu))
        if self._subject.variant == AS_TRAINED:
            self._try("sweep", lambda: sweep(at))
        self._try(
            "peak_flops_per_s",
            lambda: matmul.matmul_flops_per_s(precision, self._device, self._timer),
        )
        self._try("joules_per_image", lambda: self._joules_per_image(forward))
        if self._subject.variant != "cuda_graph":
            step = partial(work.train, 0, next(work.training_batches()))
            self._try("training_memory", lambda: memory.peak(step, self._device, self._gpu))

    def _joules_per_image(self, forward: Callable[[], object]) -> float | None:
        joules = energy.joules_per_run(forward, self._gpu.energy_j, self._timer)
        return None if joules is None else joules / self._work.batch_size

    def _lay_out(self) -> None:
        """What every round visits, in this order."""
        work, case = self._work, self._subject
        images, ones = work.random_batches(work.batch_size), work.random_batches(1)
        sampling = partial(Sampling, timer=self._timer, plan=self._plan)
        self._samplings = {INFERENCE: sampling(lambda: work.predict(next(images)))}
        if case.variant == "cuda_graph":
            self._remarks.append("training: a CUDA graph is recorded for forward passes only")
        else:
            learned = work.training_batches()
            for number, training in enumerate(case.trainings):

                def step(number: int = number) -> None:
                    work.train(number, next(learned))

                # One loss warms all but itself up for the next one.
                least_s = WARM_UP_AGAIN_S if number else WARM_UP_S
                self._samplings[training_figure(training.loss)] = sampling(step, warm_up_s=least_s)
        self._samplings[LATENCY] = sampling(lambda: work.predict(next(ones)), one_by_one=True)
        if case.data is not None:
            stored = work.archive_batches(case.data)
            self._samplings[END_TO_END] = sampling(lambda: work.predict(next(stored)), crowded=True)

    def visit(self, number: int) -> Measurement:
        """Sample every figure once more.

        Args:
            number: of the round.

        Returns:
            What is known by now.
        """
        before = self._timer.gpu()
        with number_format(self._subject.precision):
            for figure, sampling in list(self._samplings.items()):
                name = self._subject.name_of(figure)
                if not self._attempt(name, partial(sampling.visit, number)):
                    self._ended[figure] = self._samplings.pop(figure)
        self._states += [state for state in (before, self._timer.gpu()) if state is not None]
        return Measurement(
            case=self._subject,
            environment=environment.describe(self._device),
            measured_utc=datetime.now(UTC),
            remarks=tuple(self._remarks),
            timings={
                name: sampling.timing()
                for name, sampling in (self._samplings | self._ended).items()
                if sampling.timing().rounds
            },
            **self._found,
            device_states=tuple(self._states),
        )

    def _try(self, name: str, find: Callable[[], object]) -> None:
        """Note what is found under ``name``, or why it is not."""

        def note() -> None:
            self._found[name] = find()

        self._attempt(name.replace("_", " "), note)

    def _attempt(self, name: str, run: Callable[[], None]) -> bool:
        """Whether it ran; if not, its reason is a remark, and the other figures go on."""
        try:
            run()
        except Exception as error:  # noqa: BLE001 - whatever a network does is a remark
            self._remark(name, error)
            if is_out_of_memory(error) and self._device.type == "cuda":
                torch.cuda.empty_cache()
            return False
        return True

    def _remark(self, name: str, error: Exception) -> None:
        where = f" at batch {self._subject.recipe.batch_size}" if is_out_of_memory(error) else ""
        self._remarks.append(f"{name}{where}: {reason(error)}")
