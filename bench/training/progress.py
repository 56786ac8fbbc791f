"""How far a training has come, in plain numbers."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import (
    BaseModel,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from bench.study.record import Epoch, Execution, TermScale

NonNegative = Annotated[FiniteFloat, Field(ge=0)]


class Progress(BaseModel):
    """What all stages have come to.

    Attributes:
        stage: the number of the one at work.
        curve, terms, executions: as in a record; the last two of the stages that are over.
        steps, samples_seen, flops: of the stages that are over.
        best_score: of the best epoch of the last stage; and best_place: that epoch's in the curve.
        peak_memory_mib: so far, where it can be told.
    """

    stage: NonNegativeInt = 0
    curve: list[Epoch] = []
    terms: list[TermScale] = []
    executions: list[Execution] = []
    steps: NonNegativeInt = 0
    samples_seen: NonNegativeInt = 0
    flops: NonNegativeInt = 0
    best_score: FiniteFloat | None = None
    best_place: int = -1
    peak_memory_mib: NonNegative | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not -1 <= self.best_place < len(self.curve):
            raise ValueError("best_place: there is no such epoch")
        return self


class EpochProgress(BaseModel):
    """What an epoch that is not over has come to.

    Attributes:
        first_step: updates of the weights in the stage before it.
        before_s: seconds of training in the stage before it.
        losses: of each trained task, at each step.
    """

    first_step: NonNegativeInt
    before_s: NonNegative
    losses: list[dict[str, float]] = []


class StageProgress(BaseModel):
    """What a stage that is not over has come to.

    Attributes:
        step: updates of the weights made in it.
        samples_seen: images, one as often as it was seen.
        train_s: seconds of training, without validation; and data_wait_s: of these, for batches.
        epoch: the one that is not over; None between two.
        accumulation_steps, checkpointing: how a step is made to fit into memory.
        form, compilation: of the network, and why it is that one.
    """

    step: NonNegativeInt = 0
    samples_seen: NonNegativeInt = 0
    train_s: NonNegative = 0.0
    data_wait_s: NonNegative = 0.0
    epoch: EpochProgress | None = None
    accumulation_steps: PositiveInt = 1
    checkpointing: bool = False
    form: str = "plain"
    compilation: str = ""
