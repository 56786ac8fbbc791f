"""In how many parts a stage's steps are made, from the first to the last resort."""

from __future__ import annotations

from bench.errors import TrainingError
from bench.study.record import Execution
from bench.training.out_of_memory import StepPlan, ladder


def step_plans(
    asked: StepPlan,
    batch_size: int,
    devices: int,
    *,
    precedent: Execution | None,
    at_least: StepPlan,
    falls_back: bool,
) -> list[StepPlan]:
    """Return the plans to try in turn: as earlier, or as asked; then in ever smaller parts.

    Args:
        asked: by the recipe.
        batch_size: over all devices.
        devices: that share each batch.
        precedent: how the same stage was carried out earlier, if it was.
        at_least: how far batches are divided in any case.
        falls_back: whether there is more than one plan.

    Raises:
        TrainingError: there are fewer images than parts.
    """
    if devices * asked.accumulation_steps > batch_size:
        setting, on_each = "accumulate", ""
        if devices > 1:
            setting, on_each = "devices_per_cell", f" on each of {devices} devices"
        raise TrainingError(
            f"{setting}: there are only {batch_size} training images for "
            f"{asked.accumulation_steps} micro-batches{on_each}"
        )
    first = asked
    if precedent is not None:
        first = StepPlan(precedent.accumulation_steps, precedent.checkpointing)
    plans = ladder(batch_size // devices, first)
    least = at_least.thrift()
    first = next((plan for plan in plans if plan.thrift() >= least), plans[-1])
    return ladder(batch_size, first) if falls_back else [first]
