"""Trainings in several processes on the CPU, and the same in one, for tests to compare."""

from __future__ import annotations

import math
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from architectures import Prediction
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import SplitRows, split_rows
from bench.events import StepDone
from bench.machine.memory import PeakMemory
from bench.machine.rank_processes import run_ranks
from bench.settings import LossPair, Split, Train
from bench.study.record import Training
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoints, Interrupted
from bench.training.distributed import ALONE, Group, ProcessGroup, open_store
from bench.training.fit import Trainer

CPU = torch.device("cpu")
# Plain descent: Adam would make a full step of the rounding of a gradient that is 0.
PLAIN = {"optimizer": "sgd", "learning_rate": 0.05, "schedule": "constant", "precision": "float32"}


class Network(nn.Module):
    """Two heads on a shared layer, and a third that no loss reaches."""

    def __init__(self, *, norm: bool, dropout: float) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.body = nn.Sequential(
                nn.Conv2d(6, 8, 3, padding=1, bias=not norm),
                nn.BatchNorm2d(8) if norm else nn.Identity(),
                nn.ReLU(),
                nn.Dropout(dropout),
            )
            self.mask, self.depth, self.idle = (nn.Conv2d(8, 1, 3, padding=1) for _ in range(3))
        self.to(memory_format=torch.channels_last)

    def forward(self, background, composite):
        features = self.body(torch.cat((background, composite), 1))
        return Prediction(self.mask(features), self.depth(features))


@dataclass(frozen=True)
class Case:
    """A training to run, once in one process and once in several."""

    train: dict[str, Any] = field(default_factory=dict)
    loss: Any = "bce"
    norm: bool = False
    dropout: float = 0.0
    images: int = 22  # that it learns from
    checkpoint: Path | None = None
    stop_after: tuple[int, ...] = ()  # steps
    dies_at: int = 0  # step, of the second process


@dataclass(frozen=True)
class Outcome:
    """What a training has come to."""

    weights: dict[str, torch.Tensor]
    training: Training
    steps: tuple[int, ...]  # that were told


def train(case: Case, archive: Path, group: Group = ALONE, must_stop=lambda: False) -> Outcome:
    """Train a case in this process, of which there may be others."""
    torch.set_num_threads(1)
    checkpoint.MAX_SHARE = math.inf  # checkpoints however long they take
    dataset = open_dataset([archive], (32, 32))
    split = split_rows(dataset.samples, Split(), dataset.fingerprint)
    split = SplitRows(split.train[: case.images], split.val, split.test, split.digest)
    model = group.prepare(Network(norm=case.norm, dropout=case.dropout))
    done: list[int] = []
    stop_at = next(iter(case.stop_after), math.inf)
    made = None
    if case.checkpoint is not None:
        made = Checkpoints(
            case.checkpoint,
            "one training",
            interval_s=0,
            must_stop=lambda: must_stop() or bool(done and done[-1] >= stop_at),
        )

    def listen(event):
        if isinstance(event, StepDone):
            done.append(event.step)

    if group.rank == 1 and case.dies_at:
        calls: list[None] = []

        def die(*_):
            calls.append(None)
            if len(calls) == case.dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

        model.register_forward_pre_hook(die)
    trainer = Trainer(
        {dataset.size: BatchLoader(dataset, CPU)},
        dataset.size,
        split,
        0,
        CPU,
        memory=PeakMemory(CPU),
        tasks=("mask", "depth"),
        listen=listen,
        checkpoints=made,
        falls_back=group is ALONE,
        group=group,
    )
    recipes = Train(**{"epochs": 2, "batch_size": 8} | PLAIN | case.train).recipes()
    training = trainer.fit(model, LossPair.model_validate(case.loss), recipes)
    return Outcome(model.state_dict(), training, tuple(done))


def _work(rank, size, port, cases, archive, tell, must_stop):  # noqa: PLR0917 - of run_ranks
    group = ProcessGroup(rank, size, port, CPU)
    found = []
    for case in cases:
        try:
            found.append(train(case, archive, group, must_stop))
        except Interrupted:
            return "stopped"
        tell(len(found))
    return found if rank == 0 else None


def train_in_several(cases, archive, *, size=2, on_message=lambda _: None, must_stop=lambda: False):
    """Train cases one after the other in the same processes; a failure is returned."""
    store = open_store()
    return run_ranks(
        _work,
        (size, store.port, cases, archive),
        size,
        on_message=on_message,
        must_stop=must_stop,
    )


def difference(one: Outcome, other: Outcome) -> float:
    """The largest between two weights or statistics."""
    return max(
        (value.double() - other.weights[name].double()).abs().max().item()
        for name, value in one.weights.items()
    )
