"""What is recorded of a stage that is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from bench.study.record import Execution, TermScale
from bench.training.compilation import IN_GRAPHS
from bench.training.sync_batch_norm import is_synchronised

if TYPE_CHECKING:
    from bench.training.stage import Stage


def execution_of(stage: Stage) -> Execution:
    """Return how a stage was carried out."""
    plan = stage.fallback.plan
    compiled = plan == stage.asked and stage.compiling.network is not stage.model
    return Execution(
        data_location=stage.loader.location,
        data_wait_share=stage.data_wait_s / max(stage.train_s, 1e-9),
        accumulation_steps=plan.accumulation_steps,
        checkpointing=plan.checkpointing,
        out_of_memory=plan != stage.asked,
        compiled=compiled,
        compilation=stage.compiling.reason,
        cuda_graphs=compiled and stage.compiling.form == IN_GRAPHS,
        cudnn_benchmark=torch.backends.cudnn.benchmark,
        devices=stage.trainer.group.size,
        sync_batch_norm=is_synchronised(stage.model),
    )


def term_scales(stage: Stage) -> Iterator[TermScale]:
    """Give the value of each term of a stage's losses on the first and the last batch."""
    if stage.first is None or stage.last is None:
        return
    for task, values in stage.first.items():
        for text, value in values.items():
            end = stage.last[task][text]
            yield TermScale(
                stage=stage.number, task=task, term=text, start=value.item(), end=end.item()
            )
