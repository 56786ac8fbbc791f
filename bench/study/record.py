"""What is kept of a cell."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from bench.evaluation.metrics import Summary
from bench.settings.grid import Cell


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Epoch(_Frozen):
    """One entry of a training curve.

    Attributes:
        stage: which of the recipe's stages, from 0.
        step: updates of the weights made in it so far.
        losses: of each predicted task, the mean over the epoch's batches.
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


class TermScale(_Frozen):
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


class Execution(_Frozen):
    """How a stage of the training was carried out.

    Attributes:
        data_kept: where the decoded images lay: on the device, in the host's cache, or in the
            archive, decoded at each use.
        data_wait_share: of the time of training, the share that went by waiting for batches.
        accumulation_steps: micro-batches into which each batch was divided to fit into memory;
            above 1, BatchNorm saw them one by one.
        checkpointing: whether activations were computed again instead of kept, for the same reason.
        compiled: whether the network was, to the end; and compilation: why or why not.
    """

    data_kept: Literal["device", "host", "archive"]
    data_wait_share: float
    accumulation_steps: int
    checkpointing: bool
    compiled: bool
    compilation: str


class Environment(_Frozen):
    """Where and with what a cell was run."""

    commit: str | None
    python: str
    packages: dict[str, str]
    platform: str
    device: str
    device_name: str
    threads: int


class SampleCounts(_Frozen):
    """How many samples stood on each side of the split, and how many on none."""

    train: int
    val: int
    test: int
    left_out: int = 0


class Record(_Frozen):
    """One finished cell, complete or failed.

    Attributes:
        failure: why there is no summary; None where there is one.
        summary: the test images' mean figures.
        peak_memory_mib: while the cell trained: allocated on a CUDA device; else resident in the
            process, where the system can tell.
        note: what a baseline was fitted to, in words.
    """

    format: Literal[1] = 1
    cell: Cell
    split_digest: str
    samples: SampleCounts
    environment: Environment
    started_utc: datetime
    finished_utc: datetime
    failure: str | None = None
    summary: Summary | None = None
    curve: tuple[Epoch, ...] = ()
    terms: tuple[TermScale, ...] = ()
    executions: tuple[Execution, ...] = ()
    peak_memory_mib: float | None = None
    note: str | None = None
