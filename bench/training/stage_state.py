"""The state of a stage, as a tree of tensors and plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.training.optimizer_state import load_optimizer, with_keys_of_text
from bench.training.out_of_memory import StepPlan
from bench.training.progress import StageProgress

if TYPE_CHECKING:
    from bench.training.stage import Stage


def state_of(stage: Stage) -> dict[str, Any]:
    """Return all that a stage changes but the network, for `load_stage`."""
    plan = stage.fallback.plan
    progress = StageProgress(
        step=stage.step,
        samples_seen=stage.samples_seen,
        train_s=stage.train_s,
        data_wait_s=stage.data_wait_s,
        epoch=stage.epoch,
        accumulation_steps=plan.accumulation_steps,
        checkpointing=plan.checkpointing,
        form=stage.compiling.form,
        compilation=stage.compiling.reason,
    )
    return {
        "progress": progress.model_dump(),
        "objectives": stage.objectives.state_dict(),
        "scale": stage.objectives.scale,
        "optimizer": with_keys_of_text(stage.optimizer.state_dict()),
        "schedule": stage.schedule.state_dict(),
        "order": stage.order.get_state() if stage.epoch is None else stage.order_before,
        "variation": stage.variation.get_state(),
        "first": stage.first,
    }


def load_stage(stage: Stage, state: dict[str, Any]) -> None:
    """Have a stage go on from where an earlier run of it stood."""
    progress = StageProgress.model_validate(state["progress"])
    stage.step, stage.samples_seen = progress.step, progress.samples_seen
    stage.train_s, stage.data_wait_s = progress.train_s, progress.data_wait_s
    stage.epoch = progress.epoch
    if stage.over:
        raise ValueError("step: the stage is over by then")
    if stage.epoch is not None and len(stage.epoch.losses) != stage.step - stage.epoch.first_step:
        raise ValueError("epoch: its losses are not those of its steps")
    stage.fallback.take(StepPlan(progress.accumulation_steps, progress.checkpointing))
    stage.compiling.go_on(progress.form, progress.compilation)
    stage.objectives.load_state_dict(state["objectives"])
    stage.objectives.scale = state["scale"]
    load_optimizer(stage.optimizer, state["optimizer"])
    stage.schedule.load_state_dict(state["schedule"])
    stage.order_before = state["order"].cpu()
    stage.order.set_state(stage.order_before)
    stage.variation.set_state(state["variation"].cpu())
    stage.first = state["first"]
