"""A cell that several devices train together, each in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.events import Listener, Remark, silent
from bench.execution.cell_training import CellOutcome, train_and_score
from bench.execution.context import RunContext, open_context
from bench.machine.failure import Failure
from bench.machine.rank_processes import run_ranks
from bench.settings.cell import Cell
from bench.settings.grid import Grid
from bench.study.record import Environment, FailureKind, Record
from bench.training.checkpoint import Interrupted
from bench.training.distributed import ProcessGroup, open_store
from bench.training.out_of_memory import StepPlan, ladder

STOPPED = "stopped"  # the answer of a training that was asked to


class _Work(NamedTuple):
    """What the processes of a cell are to do, in what can be sent to them."""

    cell: Cell
    like: Record | None
    at_least: StepPlan
    grid: Grid
    device: str
    folder: Path
    environment: Environment


def on_several_devices(
    cell: Cell,
    like: Record | None,
    context: RunContext,
    listen: Listener,
    must_stop: Callable[[], bool],
) -> CellOutcome | Failure:
    """Train and score a cell in as many processes as it takes devices, which this one watches.

    Where memory runs out on one of them, the others are in the midst of an exchange that it has no
    part in any more: all start anew, from the checkpoint, with smaller micro-batches.

    Args:
        cell: with a loss.
        like: see `bench.execution.cell.Job`.
        context: of this process, which computes nothing.
        listen: told how far it has come.
        must_stop: tells whether the training has been asked to stop.

    Returns:
        The outcome; or why one of the processes failed.

    Raises:
        Interrupted: it has been asked to stop.
        RankDiedError: one of the processes has died.
    """
    answer: CellOutcome | Failure | None = None
    for plan in _plans(cell, context):
        work = _Work(
            cell,
            like,
            plan,
            context.grid,
            context.device.type,
            context.folder,
            context.environment,
        )
        answer = _attempt(work, listen, must_stop)
        if not isinstance(answer, Failure) or answer.kind is not FailureKind.OUT_OF_MEMORY:
            break
        listen(Remark(f"with {plan.accumulation_steps} micro-batches: {answer.reason}", cell.label))
    if answer is None:
        raise ValueError("the cell has no recipe")
    return answer


def _plans(cell: Cell, context: RunContext) -> list[StepPlan]:
    """How to make the steps of all stages, in turn; each stage as far as its batches allow."""
    recipes = cell.train.recipes()
    images = min(max(recipe.batch_size for recipe in recipes), len(context.split.train))
    fewest = min(recipe.accumulate for recipe in recipes)
    return ladder(images // cell.devices, StepPlan(fewest))


def _attempt(work: _Work, listen: Listener, must_stop: Callable[[], bool]) -> CellOutcome | Failure:
    # Of the log's lines, torch's that a head has no loss, or that none is without, is no news.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    store = open_store()
    answer: CellOutcome | Failure | str = run_ranks(
        _train_rank,
        (work, store.port),
        work.cell.devices,
        on_message=listen,
        must_stop=must_stop,
    )
    if isinstance(answer, str):
        raise Interrupted
    return answer


def _train_rank(
    rank: int,
    work: _Work,
    port: int,
    tell: Callable[[Any], None],
    must_stop: Callable[[], bool],
) -> CellOutcome | str | None:
    """Train with the other processes; the first one answers for all."""
    size = work.cell.devices
    torch.set_num_threads(max(1, work.environment.threads // size))
    device = torch.device("cuda", rank) if work.device == "cuda" else torch.device(work.device)
    context = open_context(work.grid, device, work.folder, known=work.environment)
    try:
        outcome = train_and_score(
            work.cell,
            work.like,
            context,
            tell if rank == 0 else silent,
            must_stop if rank == 0 else _never,
            falls_back=False,
            at_least=work.at_least,
            group=ProcessGroup(rank, size, port, device),
        )
    except Interrupted:
        return STOPPED
    return outcome if rank == 0 else None


def _never() -> bool:
    return False
