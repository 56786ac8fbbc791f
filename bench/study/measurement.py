"""What is kept of a measurement of speed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Literal, Self

from pydantic import Field

from bench.settings import Architecture, Data, ImageSize, LossPair, Recipe, identity
from bench.statistics.median import interval, is_narrow, quantile
from bench.study.record import Digest, Environment, Frozen

VariantName = Literal["channels_last", "float32", "bf16", "compiled", "cuda_graph"]
AS_TRAINED: VariantName = "channels_last"  # the one that `bench run` trains and reports


class Timing(Frozen):
    """How long one run takes, in seconds.

    Attributes:
        median_s, p10_s, p90_s, p99_s: of all samples.
        low_s, high_s: the 95 % interval of the median; None where there are too few samples.
        noisy: the interval is wider than 1 % of the median, or the warm-up did not become steady.
        round_medians_s: the median of each round's samples.
        samples_s: the samples of each round, in order; empty in the copy beside another network.
    """

    median_s: float
    p10_s: float
    p90_s: float
    p99_s: float
    low_s: float | None
    high_s: float | None
    noisy: bool
    round_medians_s: tuple[float, ...]
    samples_s: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, rounds: Sequence[Sequence[float]], *, steady: bool = True) -> Self:
        """Summarise the samples of some rounds."""
        ordered = sorted(value for samples in rounds for value in samples)
        low, high = interval(ordered) or (None, None)
        return cls(
            median_s=quantile(ordered, 0.5),
            p10_s=quantile(ordered, 0.1),
            p90_s=quantile(ordered, 0.9),
            p99_s=quantile(ordered, 0.99),
            low_s=low,
            high_s=high,
            noisy=not (steady and is_narrow(ordered)),
            round_medians_s=tuple(median(samples) for samples in rounds),
            samples_s=tuple(tuple(samples) for samples in rounds),
        )

    def without_samples(self) -> Self:
        """The same, for where the samples are kept elsewhere."""
        return self.model_copy(update={"samples_s": ()})

    @property
    def drift(self) -> float:
        """By what share the slowest round's median exceeds the fastest one's."""
        return max(self.round_medians_s) / min(self.round_medians_s) - 1


class TimingCase(Frozen):
    """What is measured: one network, one way of running it.

    Attributes:
        loss, recipe: of the training step; the batch size and the precision of every figure.
        image_size: (height, width) in pixels.
        teacher: judges the network's masks, where the training has one.
        data: from where images come end to end; None where that is not measured.
    """

    architecture: Architecture
    loss: LossPair
    recipe: Recipe
    image_size: ImageSize
    variant: VariantName = AS_TRAINED
    teacher: Architecture | None = None
    data: Data | None = None

    @property
    def id(self) -> str:
        """The hash of the settings without any path, see `bench.settings.identity`."""
        content = self.model_dump(
            mode="json",
            exclude={"architecture", "loss", "recipe", "teacher", "data"},
            exclude_defaults=True,
        )
        content["architecture"] = identity.of_architecture(self.architecture)
        content["loss"] = identity.of_loss(self.loss)
        content["recipe"] = self.recipe.model_dump(
            mode="json", exclude={"losses"}, exclude_defaults=True
        )
        if self.teacher is not None:
            content["teacher"] = identity.of_architecture(self.teacher)
        if self.data is not None:
            content["data"] = identity.of_data(self.data)
        return identity.digest(content)

    @property
    def label(self) -> str:
        """The network and, where it is not run as trained, how."""
        suffix = "" if self.variant == AS_TRAINED else f" [{self.variant}]"
        return f"{self.architecture.label}{suffix}"

    @property
    def precision(self) -> Literal["bf16", "float32"]:
        """The number format of this variant."""
        return self.variant if self.variant in ("bf16", "float32") else self.recipe.precision


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
    """A forward pass at one batch size."""

    batch_size: int
    timing: Timing

    @property
    def images_per_s(self) -> float:
        """By the median."""
        return self.batch_size / self.timing.median_s


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
    """The network that was visited in the same rounds, for comparison; without its samples."""

    label: str
    inference: Timing
    training: Timing | None

    @property
    def drift(self) -> float:
        """Of its forward pass over the rounds."""
        return self.inference.drift


class Measurement(Frozen):
    """What was found about one case.

    Attributes:
        failure: why there are no figures; None where there are some.
        remarks: which figure is lacking, and why.
        inference, training: seconds of one batch.
        latency: seconds of one image, each waited for.
        end_to_end: seconds of one batch from the archive's bytes to its prediction.
        first_run_s: of the very first forward pass, compilation included.
        peak_flops_per_s: of a large matrix product of the same number format, in the same process.
        joules_per_image: of a forward pass, by the device's own counter of energy.
        matmul_precision: of float32 products: highest, or high where TF32 is allowed.
        device_states: before and after each visit, on a GPU.
        sources: SHA-256 of the code that was timed, as in a record's provenance.
    """

    format: Literal[2] = 2
    case: TimingCase
    environment: Environment
    measured_utc: datetime
    failure: str | None = None
    remarks: tuple[str, ...] = ()
    inference: Timing | None = None
    training: Timing | None = None
    latency: Timing | None = None
    end_to_end: Timing | None = None
    first_run_s: float | None = None
    parameters: int | None = None
    flops: Flops | None = None
    inference_memory: Memory | None = None
    training_memory: Memory | None = None
    sweep: Sweep | None = None
    peak_flops_per_s: float | None = None
    joules_per_image: float | None = None
    matmul_precision: str | None = None
    device_states: tuple[DeviceState, ...] = ()
    sources: dict[str, dict[str, Digest]] = Field({})
    reference: Reference | None = None

    @property
    def id(self) -> str:
        """Of what was measured, and of the machine that it was measured on."""
        return measurement_id(self.case, self.environment)

    def images_per_s(self, figure: Literal["inference", "training", "end_to_end"]) -> float | None:
        """The median throughput at the common batch size."""
        timing: Timing | None = getattr(self, figure)
        return None if timing is None else self.case.recipe.batch_size / timing.median_s

    @property
    def noisy(self) -> frozenset[str]:
        """The names of the figures that varied too much to rely on."""
        names = ("inference", "training", "latency", "end_to_end")
        return frozenset(name for name in names if (found := getattr(self, name)) and found.noisy)

    @property
    def achieved_flops_per_s(self) -> float | None:
        """Of the forward pass at the common batch size."""
        images_per_s = self.images_per_s("inference")
        return None if images_per_s is None or not self.flops else images_per_s * self.flops.forward

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed, or is lacking."""
        return self.remarks if self.failure is None else (f"failed: {self.failure}",)

    @property
    def outcome(self) -> str:
        """The figures in a few words; a tilde stands before a noisy one."""
        if self.failure is not None:
            return f"FAILED: {self.failure}"
        parts = [
            f"{'~' if timing.noisy else ''}{self.case.recipe.batch_size / timing.median_s:.0f} "
            f"{name} images/s"
            for name, timing in (("inference", self.inference), ("training", self.training))
            if timing is not None
        ]
        if self.latency is not None:
            mark = "~" if self.latency.noisy else ""
            parts.append(f"latency {mark}{1000 * self.latency.median_s:.1f} ms")
        return ", ".join((*parts, *self.remarks))


class Ratio(Frozen):
    """How many times as fast as the reference a network is.

    Attributes:
        value: of the medians.
        differs: whether their intervals lie apart and every round agrees on which is faster.
    """

    value: float
    differs: bool

    @classmethod
    def of(cls, timing: Timing, reference: Timing) -> Self:
        """Compare two timings from the same rounds."""
        apart = False
        if None not in (timing.low_s, timing.high_s, reference.low_s, reference.high_s):
            apart = timing.high_s < reference.low_s or reference.high_s < timing.low_s  # type: ignore[operator]
        pairs = zip(timing.round_medians_s, reference.round_medians_s, strict=False)
        agree = len({ours < theirs for ours, theirs in pairs}) == 1
        return cls(value=reference.median_s / timing.median_s, differs=apart and agree)

    def __str__(self) -> str:
        return f"{self.value:.2f}x" if self.differs else "no difference"
