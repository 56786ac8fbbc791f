"""The first steps of a cell, and what they tell of all of it.

A probe is the cell itself, run as any other: with a few steps of each stage, in two epochs, and
with some of the images that select and test. What it leaves out is counted from what it has done.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import nn

from bench.data.batch_loader import BatchLoader
from bench.data.split import Rows, SplitRows
from bench.execution.cell import CellResult, Job, run_cell
from bench.execution.cell_training import create_network, trainer_of
from bench.execution.context import RunContext
from bench.execution.stopwatch import Stopwatch, TimedEpoch, TimedLoader
from bench.settings import LossPair, Recipe
from bench.settings.base import Size
from bench.settings.cell import Cell
from bench.study.estimate import Cost, StageCost
from bench.training import flops
from bench.training.duration import Duration
from bench.training.teacher import StudentTeacher

STEPS = 20  # of each stage
FEWER_STEPS = 10  # with a further loss of the same network
WARM_UP = 4  # of these, the first ones, which are slower
EVALUATED = 4  # batches of validation images, and of test images
MOMENTS = {"adamw": 2, "adam": 2}  # tensors that an optimizer keeps of each parameter


class Probed(NamedTuple):
    """What a probe has shown.

    Attributes:
        result: of the shortened cell; its record may say why it failed.
        cost: of the whole cell, without what is around it and what is kept of it.
        seconds: of the probe.
    """

    result: CellResult
    cost: Cost
    seconds: float


def probe(
    cell: Cell, context: RunContext, must_stop: Callable[[], bool], *, steps: int = STEPS
) -> Probed:
    """Run the first steps of a cell and tell what all of it takes.

    Args:
        cell: no trial.
        context: of the whole grid.
        must_stop: asked after every step.
        steps: of each stage, an even number above `WARM_UP`.

    Raises:
        InputError, Interrupted: as `run_cell` does.
    """
    durations, of_teacher = _durations(cell, context)
    stopwatch = Stopwatch()
    # A network's best weights are kept beside it while it trains, unless it has but one epoch.
    epochs = 1 if all(one.has_one_epoch for one in durations[-1:]) else 2
    shortened = _shortened(context, cell, stopwatch, train_batches=steps // epochs)
    job = Job(cell.model_copy(update={"train": cell.train.with_steps(steps), "devices": 1}))
    started = time.perf_counter()
    result = run_cell(job, shortened, stopwatch.listen, must_stop)
    ended = time.perf_counter()
    if result.record.failure is not None:
        cost = Cost()
    elif cell.loss is None:
        # It looks at all images once.
        share = _images(context.split) / _images(shortened.split)
        cost = Cost(test_s=(ended - started) * share)
    else:
        val_images = len(context.split.val)
        more_tested = len(context.split.test) - len(shortened.split.test)
        first = [epoch for epoch in stopwatch.epochs if epoch.teacher]
        own = [epoch for epoch in stopwatch.epochs if not epoch.teacher]
        began = first[-1].ended if first else started
        cost = Cost(
            stages=_stage_costs(own, durations, began, val_images),
            teacher=_stage_costs(first, of_teacher, started, val_images) if first else (),
            test_s=ended
            - own[-1].ended
            + sum(one.of_others(more_tested) for one in stopwatch.passes),
            peak_memory_mib=result.record.peak_memory_mib,
            checkpoint_bytes=_checkpoint_bytes(len(result.weights or b""), cell.train.recipes()),
        )
    return Probed(result, cost, ended - started)


def _stage_costs(
    epochs: Sequence[TimedEpoch], durations: Sequence[Duration], before: float, val_images: int
) -> tuple[StageCost, ...]:
    """Return what each stage takes.

    Args:
        epochs: of the probe.
        durations: of the whole training, one a stage.
        before: when the first stage could begin.
        val_images: how many are validated on after each epoch.
    """
    costs = []
    for number, duration in enumerate(durations):
        own = [epoch for epoch in epochs if epoch.stage == number]
        laps = [lap for epoch in own for lap in epoch.train.laps]
        step_s = statistics.median(laps[WARM_UP:])
        extra_s = sum(laps[:WARM_UP]) - WARM_UP * step_s
        last = own[-1]
        more_s = last.val.of_others(val_images - last.val.images)
        costs.append(
            StageCost(
                setup_s=own[0].train.began - before + max(0.0, extra_s),
                step_s=step_s,
                validation_s=last.ended - last.train.ended + more_s,
                steps_per_epoch=duration.steps_per_epoch,
                steps=duration.steps,
                budget_s=duration.seconds,
            )
        )
        before = last.ended
    return tuple(costs)


def _durations(cell: Cell, context: RunContext) -> tuple[list[Duration], list[Duration]]:
    """How long the stages of a cell are, and how long its teacher is trained."""
    if cell.loss is None:
        return [], []
    teacher = cell.train.teacher

    def network() -> nn.Module:
        model = create_network(cell.architecture, cell.seed, context=context)
        return model if teacher is None else StudentTeacher(model, of_teacher())

    def of_teacher() -> nn.Module:
        architecture = cell.architecture if teacher is None else teacher.architecture
        return create_network(architecture, cell.seed, context=context)

    own = [_duration(cell, context, network, cell.loss, one) for one in cell.train.recipes()]
    if teacher is None or teacher.losses is None:
        return own, []
    return own, [_duration(cell, context, of_teacher, teacher.losses, teacher.plain())]


def _duration(
    cell: Cell,
    context: RunContext,
    create: Callable[[], nn.Module],
    pair: LossPair,
    recipe: Recipe,
) -> Duration:
    def flops_per_step() -> int:
        model = create()
        trainer = trainer_of(cell, context)
        if isinstance(model, StudentTeacher):
            trainer = replace(trainer, pseudo_label=model.pseudo_label)
        return flops.of_step(trainer, model, pair, recipe)

    return Duration.of(recipe, context.split, flops_per_step)


def _shortened(
    context: RunContext, cell: Cell, stopwatch: Stopwatch, train_batches: int
) -> RunContext:
    """The context of a probe: with fewer images, whose batches are timed."""
    loaders: dict[Size, BatchLoader] = {
        size: TimedLoader(one, stopwatch) for size, one in context.loaders.items()
    }
    keep = context.grid.keep.model_copy(update={"weights": "best", "checkpoint_seconds": None})
    split = context.split
    batch_size = max(recipe.batch_size for recipe in cell.train.recipes())
    return replace(
        context,
        loaders=loaders,
        loader=loaders[context.loader.dataset.size],
        split=replace(
            split,
            train=_some(split.train, train_batches * batch_size),
            val=_some(split.val, EVALUATED * batch_size),
            test=_some(split.test, EVALUATED * batch_size),
        ),
        grid=context.grid.model_copy(update={"keep": keep}),
    )


def _some(rows: Rows, count: int) -> Rows:
    """So many of the rows, from all over them."""
    return rows if len(rows) <= count else rows[:: len(rows) // count][:count]


def _images(split: SplitRows) -> int:
    return len(split.train) + len(split.val) + len(split.test)


def _checkpoint_bytes(weights: int, recipes: Sequence[Recipe]) -> int:
    """Return how large a checkpoint is: weights, the best epoch's, the optimizer's moments."""
    moments = max(MOMENTS.get(recipe.optimizer, recipe.sgd_momentum > 0) for recipe in recipes)
    return weights * (2 + moments)
