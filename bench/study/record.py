"""What is kept of a cell."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    model_validator,
)

from bench.settings.cell import Cell

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
UNKNOWN_VERSION = "0" * 64  # of a metric, where an earlier version of this project kept none
Summary = dict[str, FiniteFloat]  # by metric; one that has no value on these images is not in it


class Frozen(BaseModel):
    """A part of what a study keeps: an unknown key, or a number that is not finite, is damage."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MetricContract(Frozen):
    """What a metric is, kept with the grid so that a report needs no code of its author.

    Attributes:
        label: its name in tables.
        task: mask or depth.
        unit: empty for a plain number.
        version: raised when the same images would give another figure.
        minimum, maximum: that it can have; None where there is no limit.
        pooled: whether it is one figure over the pixels of all images, and not a mean over images.
        source_sha256: of the file that defines it.
        description: formula, source, and the rules for empty masks and images without readings.
    """

    label: str
    task: Literal["mask", "depth"]
    unit: str
    higher_is_better: bool
    decimals: int
    version: int
    minimum: float | None
    maximum: float | None
    pooled: bool
    source_sha256: Digest
    description: str

    def allows(self, value: float) -> bool:
        """Return whether a figure is in the metric's range."""
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        return math.isfinite(value) and low <= value <= high

    @property
    def limits(self) -> str:
        """The metric's range in words, as ``between 0 and 1``."""
        match self.minimum, self.maximum:
            case None, None:
                return "finite"
            case low, None:
                return f"finite and at least {low:g}"
            case None, high:
                return f"finite and at most {high:g}"
            case low, high:
                return f"between {low:g} and {high:g}"


class FailureKind(StrEnum):
    """What ended a cell, as far as that matters for trying again."""

    ERROR = "failed"
    OUT_OF_MEMORY = "oom"
    DIVERGED = "diverged"
    TIMEOUT = "timeout"
    KILLED = "killed"


class Epoch(Frozen):
    """One entry of a training curve.

    Attributes:
        stage: which of the recipe's stages, from 0.
        step: updates of the weights made in it so far.
        losses: of each trained task, the mean over the epoch's batches.
        val: figures on the validation images.
        train_s: wall time of the epoch without its validation.
        selected: whether the weights of this epoch were scored on the test images.
    """

    stage: int = 0
    step: int
    losses: dict[str, float]
    val: Summary
    train_s: float
    selected: bool = False


class TermScale(Frozen):
    """How much one term of a loss weighed, its weight included, on a stage's first and last batch.

    Attributes:
        stage: which of the recipe's stages, from 0.
        task: mask or depth.
        term: the loss without its weight.
    """

    stage: int
    task: str
    term: str
    start: float
    end: float


class Execution(Frozen):
    """How a stage of the training was carried out.

    Attributes:
        data_location: where the decoded images lay: on the device, in the host's cache, or in the
            archive, decoded at each use.
        data_wait_share: of the time of training, the share that went by waiting for batches.
        accumulation_steps: micro-batches into which each batch was divided; above 1, BatchNorm saw
            them one by one.
        checkpointing: whether activations were computed again instead of kept.
        out_of_memory: whether there was more of these than the recipe asks for, because memory ran
            out, in this training or in an earlier one of the same network and recipe.
        compiled: whether the network was, to the end; and compilation: why or why not.
        cuda_graphs: whether all kernels of a step were launched at once besides.
        cudnn_benchmark: whether cuDNN's algorithms were chosen by trial.
        devices: among which each batch was divided.
        sync_batch_norm: whether the network has BatchNorms, which saw the batches of all devices.
    """

    data_location: Literal["device", "host", "archive"]
    data_wait_share: float
    accumulation_steps: int
    checkpointing: bool
    out_of_memory: bool = False
    compiled: bool
    compilation: str
    cuda_graphs: bool = False
    cudnn_benchmark: bool = False
    devices: int = 1
    sync_batch_norm: bool = False


class Training(Frozen):
    """What is known of a training when it is over.

    Attributes:
        curve: one entry an epoch; the selected one is marked.
        terms: of each term of the losses, its weighted value at the start and end of each stage.
        executions: one entry a stage.
        samples_seen: how many training images the network saw in all, one as often as it was seen;
            None where an earlier version did not keep it.
        flops: floating-point operations of all steps, where the budget is in them.
    """

    curve: tuple[Epoch, ...]
    terms: tuple[TermScale, ...] = ()
    executions: tuple[Execution, ...] = ()
    samples_seen: int | None = None
    flops: int | None = None


class Environment(Frozen):
    """Where and with what a cell was run.

    Attributes:
        commit: of this project's own repository; None outside of it.
        dirty: whether a file of its packages differed from that commit, or is not in it.
        packages: versions of what computes.
        cuda, cudnn, driver: versions; None without a CUDA device.
        device: cuda, mps or cpu; and device_name: which.
    """

    commit: str | None
    dirty: bool = False
    python: str
    packages: dict[str, str]
    cuda: str | None = None
    cudnn: str | None = None
    driver: str | None = None
    platform: str
    device: str
    device_name: str
    threads: int

    @property
    def machine(self) -> str:
        """What speeds can be compared on: the device with its number of threads."""
        threads = "" if self.device == "cuda" else f", {self.threads} threads"
        return f"{self.device_name} ({self.device}{threads})"


class Provenance(Frozen):
    """What a cell's settings led to when it was run, where they name files or code.

    Attributes:
        data: the fingerprint of the dataset's contents, and of how they are read; None where an
            earlier version did not keep it.
        split: the digest of which samples train, select and test.
        weights: SHA-256 of each file of weights, by what it is for.
        sources: SHA-256 of each file of code, by what it is for (the network's name,
            ``loss <name>``, or ``decoding``, which is all that a trivial baseline has) and by its
            path in the folder of its author.
    """

    data: str | None
    split: str
    weights: dict[str, Digest] = {}
    sources: dict[str, dict[str, Digest]] = {}


class Leakage(Frozen):
    """What training knows of the test samples: shares of these, in [0, 1].

    Attributes:
        groups: by column of the archive that puts samples into groups, those whose group is in
            training too.
        same_images: those whose composite is in training too, to the last pixel.
        near_duplicates: those with a near-duplicate in training, on another background.
    """

    groups: dict[str, float]
    same_images: float
    near_duplicates: float


class SampleCounts(Frozen):
    """How many samples are in each subset of the split, and how many in none."""

    train: int
    val: int
    test: int
    left_out: int = 0


class Record(Frozen):
    """One finished cell, complete or failed.

    Attributes:
        failure: why there is no summary; None where there is one.
        failure_kind: of which kind that is; one of an earlier version counts as an error.
        failure_details: of a failure, the end of the traceback, or of what the process printed.
        summary: figures on the test images, each of a metric in ``metrics``; a trial has none.
        val_score: of a trial, what it is judged by: the score of its best epoch on the validation
            images, by `bench.evaluation.selection`.
        metrics: SHA-256 of the file that defines each metric.
        problems: by metric, why it has no figure.
        consistency: of a network with a teacher, the same of the depth that the teacher sees with
            and without the mask.
        teacher: how the teacher was trained, where it was.
        peak_memory_mib: the most that training took, beyond what was there before (the images on
            the device, the libraries, a teacher that is trained) and without validation: allocated
            on a CUDA device; else held by the process, where the system can tell.
        data_memory_mib: of the images that lay on a CUDA device meanwhile.
        weights: of which epoch the network's weights are kept beside it: the selected one, or the
            last; None if they are not.
        note: what a baseline was fitted to, in words.
    """

    format: Literal[2] = 2
    cell: Cell
    provenance: Provenance
    samples: SampleCounts
    environment: Environment
    started_utc: AwareDatetime
    finished_utc: AwareDatetime
    failure: str | None = None
    failure_kind: FailureKind = FailureKind.ERROR
    failure_details: str | None = None
    summary: Summary | None = None
    val_score: FiniteFloat | None = None
    consistency: Summary | None = None
    metrics: dict[str, Digest] = {}
    problems: dict[str, str] = {}
    training: Training | None = None
    teacher: Training | None = None
    peak_memory_mib: float | None = None
    data_memory_mib: float = 0.0
    weights: Literal["best", "last"] | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        outcome = self.summary if self.cell.trial is None else self.val_score
        if (outcome is None) == (self.failure is None):
            raise ValueError("needs a summary or the reason why there is none")
        if self.cell.trial is not None and self.summary is not None:
            raise ValueError("a trial has no figures on the test images")
        for name in {**(self.summary or {}), **(self.consistency or {})}:
            if name not in self.metrics:
                raise ValueError(f"summary: {name}: no such metric in metrics")
        return self
