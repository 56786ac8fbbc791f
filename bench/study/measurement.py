"""What is kept of a measurement of speed."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import AwareDatetime, Field

from bench.statistics.median import Median
from bench.study.record import Digest, Environment, Frozen
from bench.study.timing import Timing
from bench.study.timing_case import INFERENCE, LATENCY, TimingCase, training_figure


def measurement_id(case: TimingCase, environment: Environment) -> str:
    """Return the id of what is measured of a case on a machine."""
    machine = hashlib.sha256(environment.machine.encode()).hexdigest()[:8]
    return f"{case.id}-{machine}"


class Memory(Frozen):
    """The most memory that was taken, in MiB; None where it cannot be told.

    Attributes:
        allocated_mib: by tensors, on a CUDA device.
        reserved_mib: by the allocator that keeps them, on a CUDA device.
        process_mib: by the whole process: on the CUDA device as its driver counts, else resident.
    """

    allocated_mib: float | None
    reserved_mib: float | None
    process_mib: float | None


class Flops(Frozen):
    """Floating-point operations of one image; a multiplication and an addition are two.

    Attributes:
        forward: of a forward pass.
        training: of forward, losses and backward; None where no step could be made.
        counter: what counted, with its version.
        uncounted: the operations it saw but has no formula for.
    """

    forward: int
    training: int | None
    counter: str
    uncounted: tuple[str, ...]


class Point(Frozen):
    """Forward passes at one batch size."""

    batch_size: int
    images_per_s: float


class Sweep(Frozen):
    """Forward passes at growing batch sizes, and why they ended."""

    points: tuple[Point, ...]
    ended: str

    @property
    def saturation(self) -> Point:
        """The smallest batch within 5 % of the highest throughput."""
        highest = max(point.images_per_s for point in self.points)
        return next(point for point in self.points if point.images_per_s >= 0.95 * highest)


class DeviceState(Frozen):
    """The GPU before or after a visit; None where it cannot be told.

    Attributes:
        clock_mhz: of its multiprocessors.
        temperature_c: of the chip.
        power_limit_w: that holds.
        foreign_processes: how many other programs compute on it.
    """

    clock_mhz: int | None
    temperature_c: int | None
    power_limit_w: float | None
    foreign_processes: int | None


class Reference(Frozen):
    """The network that was visited in the same rounds, for comparison.

    Attributes:
        label: of the network.
        seconds: of each of its figures, by round; only of rounds that count.
    """

    label: str
    seconds: dict[str, dict[int, float]]


class Measurement(Frozen):
    """What was found about one case.

    Attributes:
        rounds_left: how many are still to come; above 0 where the measurement was interrupted.
        failure: why it ended early; what was known by then is there.
        remarks: which figure is lacking, and why.
        timings: by figure: seconds of one batch (`INFERENCE`, and a `training_figure` for each
            loss), of one image that is waited for (`LATENCY`), and of one batch from the archive's
            bytes to its prediction (`END_TO_END`).
        first_run_s: of the very first forward pass, compilation included.
        peak_flops_per_s: of a large matrix product of the same number format, in the same process.
        joules_per_image: of a forward pass, by the device's own counter of energy.
        device_states: before and after each visit, on a GPU.
        sources: SHA-256 of the code that was timed, as in a record's provenance.
        reference: None for the reference itself.
    """

    format: Literal[3] = 3
    case: TimingCase
    environment: Environment
    measured_utc: AwareDatetime
    rounds_left: int = 0
    failure: str | None = None
    remarks: tuple[str, ...] = ()
    timings: dict[str, Timing] = Field({})
    first_run_s: float | None = None
    parameters: int | None = None
    flops: Flops | None = None
    inference_memory: Memory | None = None
    training_memory: Memory | None = None
    sweep: Sweep | None = None
    peak_flops_per_s: float | None = None
    joules_per_image: float | None = None
    device_states: tuple[DeviceState, ...] = ()
    sources: dict[str, dict[str, Digest]] = Field({})
    reference: Reference | None = None

    @property
    def id(self) -> str:
        """Of what was measured, and of the machine that it was measured on."""
        return measurement_id(self.case, self.environment)

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing more to be measured."""
        return self.rounds_left == 0 or self.failure is not None

    def seconds(self, figure: str) -> Median | None:
        """Seconds of one run; None where it was not measured, or is withheld."""
        timing = self.timings.get(figure)
        return None if timing is None else timing.seconds

    def images_per_s(self, figure: str) -> Median | None:
        """The throughput at the common batch size."""
        seconds = self.seconds(figure)
        return None if seconds is None else seconds.inverse(self.case.recipe.batch_size)

    def times_as_fast(self, figure: str) -> Median | None:
        """The speed as a multiple of the reference's in the same rounds."""
        timing = self.timings.get(figure)
        reference = self.reference.seconds.get(figure) if self.reference else None
        return None if timing is None or not reference else timing.times_as_fast(reference)

    @property
    def counts(self) -> tuple[int, int]:
        """How many blocks count, and how many were measured."""
        clean, measured = 0, 0
        for timing in self.timings.values():
            clean, measured = clean + timing.counts[0], measured + timing.counts[1]
        return clean, measured

    @property
    def achieved_flops_per_s(self) -> float | None:
        """Of the forward pass at the common batch size."""
        speed = self.images_per_s(INFERENCE)
        return None if speed is None or not self.flops else speed.value * self.flops.forward

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed, is lacking, or is withheld."""
        return (*self.notes, *(f"{figure}: {why}" for figure, why in self.withheld.items()))

    @property
    def notes(self) -> tuple[str, ...]:
        """What failed, or is lacking."""
        if self.failure is not None:
            return (f"failed: {self.failure}", *self.remarks)
        if self.rounds_left:
            return (f"interrupted with {self.rounds_left} rounds to go", *self.remarks)
        return self.remarks

    @property
    def withheld(self) -> dict[str, str]:
        """Why figures are withheld, by their names for readers."""
        return {
            self.case.name_of(figure): timing.withheld
            for figure, timing in self.timings.items()
            if timing.withheld is not None
        }

    @property
    def outcome(self) -> str:
        """The figures in a few words, with their 95 % intervals."""
        if self.failure is not None:
            return f"FAILED: {self.failure}"
        figures = {
            INFERENCE: INFERENCE,
            "training": training_figure(self.case.trainings[0].loss),
        }
        parts = [
            f"{shown(speed, 0)} {name} images/s"
            for name, figure in figures.items()
            if (speed := self.images_per_s(figure)) is not None
        ]
        if (latency := self.seconds(LATENCY)) is not None:
            parts.append(f"latency {shown(latency.times(1000), 1)} ms")
        return ", ".join((*parts, *self.problems))


def shown(estimate: Median, decimals: int) -> str:
    """Return a figure with half of its interval's width, where it has one."""
    text = f"{estimate.value:.{decimals}f}"
    if estimate.half_width is None:
        return text
    return f"{text} ± {estimate.half_width:.{decimals}f}"
