"""Where the steps meet: from a grid to a study on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import pandas as pd
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

import architectures
from bench import baselines, environment, evaluate, metrics
from bench.data.cache import open_dataset
from bench.data.dataset import Dataset
from bench.data.feed import Feed
from bench.data.images import Size
from bench.data.split import SplitRows, split_rows
from bench.device import PeakMemory
from bench.errors import InputError, TrainingError
from bench.failure import reason
from bench.grid import Cell, Grid
from bench.metrics import Summary
from bench.precision import guard_narrow_convolutions
from bench.record import Environment, Record, SampleCounts
from bench.settings import Architecture, Data, LossPair, Teacher
from bench.store import Store
from bench.teacher import Taught
from bench.throughput import rounds
from bench.throughput.result import Result, Subject
from bench.throughput.sampling import QUICK
from bench.train import Fit, Trainer


class Progress(Protocol):
    """Who is told how far a run is."""

    def on_decoded(self, done: int, total: int) -> None:
        """So many pictures are in the cache."""

    def on_remark(self, text: str) -> None:
        """Something about the data is worth saying."""

    def on_cell(self, cell: Cell, number: int, total: int) -> None:
        """A cell starts, the ``number``-th of ``total`` in the grid."""

    def on_step(self, step: int, total: int, loss: float, images_per_s: float) -> None:
        """The running cell has come so far."""

    def on_record(self, record: Record) -> None:
        """A cell is finished."""


@dataclass(frozen=True)
class Bench:
    """What all cells of a run share.

    Attributes:
        feeds: the samples at every size that the grid asks for.
        feed: those at the size of the figures.
    """

    feeds: dict[Size, Feed]
    feed: Feed
    split: SplitRows
    device: torch.device
    environment: Environment


def baseline_cells(grid: Grid) -> Iterable[Cell]:
    """The trivial baselines of what a grid is about, as cells without a loss."""
    for name, kinds in baselines.KINDS.items():
        if not kinds <= grid.kinds():
            continue
        yield Cell(
            architecture=Architecture(name=name),
            loss=None,
            seed=0,
            data=grid.data,
            train=grid.train,
        )


def all_cells(grid: Grid) -> list[Cell]:
    """Everything a study of this grid holds when it is done, in the order it is run."""
    return [*baseline_cells(grid), *grid.cells()]


def missing_cells(grid: Grid, store: Store) -> list[Cell]:
    """The cells that have no record yet."""
    finished = store.finished()
    return [cell for cell in all_cells(grid) if cell.id not in finished]


def forget_failed(grid: Grid, store: Store) -> None:
    """Remove the grid's failed cells and measurements, so that they are run once more."""
    measured = store.read_throughput() or {}
    for subject in timed_subjects(grid, store):
        if subject.id in measured and measured[subject.id].failure is not None:
            store.remove_throughput(subject.id)
    finished = store.finished()
    for cell in all_cells(grid):
        if cell.id in finished and store.read(cell.id).failure is not None:
            store.remove(cell.id)


def timed_subjects(grid: Grid, store: Store) -> list[Subject]:
    """Each network of the grid with the first loss that it was trained with, to be timed.

    A network of which no cell is complete is left out.
    """
    finished = store.finished()
    subjects: dict[str, Subject] = {}
    for cell in grid.cells():
        name = cell.architecture.label
        if cell.loss is None or name in subjects or cell.id not in finished:
            continue
        if store.read(cell.id).failure is None:
            subjects[name] = Subject(
                architecture=cell.architecture,
                loss=cell.loss,
                recipe=cell.train.recipes()[-1],
                image_size=cell.data.image_size,
                teacher=cell.train.teacher.architecture if cell.train.teacher else None,
            )
    return list(subjects.values())


def run(grid: Grid, store: Store, *, device: torch.device, progress: Progress) -> None:
    """Run every cell of the grid that the study lacks, then time the networks that it lacks.

    A cell that fails is recorded with its reason, and the rest goes on.

    Raises:
        InputError: the data is at fault, or the study was made from other data; nothing is written.
    """
    _run_cells(grid, store, device, progress)
    measure_throughput(grid, store, device=device, progress=progress)


def measure_throughput(
    grid: Grid, store: Store, *, device: torch.device, progress: Progress
) -> None:
    """Time the grid's networks that the study has no figures of, in turn, when all are trained."""
    subjects = timed_subjects(grid, store)
    measured = store.read_throughput() or {}
    missing = [subject for subject in subjects if subject.id not in measured]
    if not missing:
        return
    if device.type == "cuda":
        torch.cuda.empty_cache()
    names = ", ".join(subject.label for subject in missing)
    progress.on_remark(f"measuring throughput in {QUICK.rounds} rounds: {names}")

    def on_result(result: Result) -> None:
        store.append_throughput(result)
        progress.on_remark(f"throughput of {result.subject.label}: {result.outcome}")

    def on_turn(subject: Subject, turn: int) -> None:
        if turn and subject == subjects[0]:
            progress.on_remark(f"throughput: round {turn} of {QUICK.rounds}")

    rounds.measure(missing, subjects[0], QUICK, device, on_result=on_result, on_turn=on_turn)


def _run_cells(grid: Grid, store: Store, device: torch.device, progress: Progress) -> None:
    feeds = {size: Feed(_open(grid.data, size, progress), device) for size in _sizes(grid)}
    feed = feeds[grid.data.image_size]
    dataset = feed.dataset
    _check_kinds(grid, dataset)
    split = split_rows(dataset.samples, grid.data.split, dataset.fingerprint, limit=grid.data.limit)
    cells = all_cells(grid)
    _check_comparable(cells, store, split)
    store.write_grid(grid)
    missing = {cell.id for cell in missing_cells(grid, store)}
    bench = Bench(feeds, feed, split, device, environment.describe(device))
    for number, cell in enumerate(cells, 1):
        if cell.id in missing:
            progress.on_cell(cell, number, len(cells))
            record, scores = run_cell(cell, bench, progress)
            store.append(record, scores)
            progress.on_record(record)


def _open(data: Data, size: Size, progress: Progress) -> Dataset:
    return open_dataset(
        data.sources(),
        size,
        exclude=Path(data.exclude) if data.exclude else None,
        on_progress=progress.on_decoded,
        on_remark=progress.on_remark,
    )


def _check_kinds(grid: Grid, dataset: Dataset) -> None:
    """Make sure that the archives have what the grid needs.

    Raises:
        InputError: they do not; the line says how to do without.
    """
    lacking = grid.kinds() - {"composite", *dataset.heads}
    if dataset.backgrounds is not None:
        lacking -= {"background"}
    remedies = {
        "mask": "train depth alone, as in losses: [{depth: l1}]",
        "depth": "train the mask alone, as in losses: [{mask: bce}]",
        "background": "give every network inputs: composite, as in {name: unet, inputs: composite}",
    }
    for kind in sorted(lacking):
        raise InputError(
            f"data.archive: {', '.join(grid.data.files)}: has no {kind}s, which the "
            f"grid needs; {remedies[kind]}"
        )


def _sizes(grid: Grid) -> set[Size]:
    """Every image size that some stage of the training needs."""
    recipes = [*grid.train.recipes(), *([grid.train.teacher] if grid.train.teacher else [])]
    return {grid.data.image_size, *(r.image_size for r in recipes if r.image_size is not None)}


def _check_comparable(cells: list[Cell], store: Store, split: SplitRows) -> None:
    """Refuse to fill up a study with figures from a changed archive or of changed defaults."""
    finished = store.finished()
    for cell in cells:
        if cell.id not in finished:
            continue
        record = store.read(cell.id)
        if record.split_digest != split.digest:
            origin = f"other contents of {', '.join(cell.data.files)}"
        elif record.cell != cell:
            origin = "a version of maskdepth-bench with other default settings"
        else:
            continue
        raise InputError(
            f"{store.folder}: holds results from {origin}; give another --out, or delete the folder"
        )


class Outcome(NamedTuple):
    """What a cell that did not fail has to show: scores, and what of a `Record` it determines."""

    scores: pd.DataFrame
    summary: Summary
    fit: Fit = Fit((), ())
    peak_memory_mib: float | None = None
    note: str | None = None


def run_cell(cell: Cell, bench: Bench, progress: Progress) -> tuple[Record, pd.DataFrame | None]:
    """Run one cell; a failure becomes a record without scores."""
    split = bench.split
    started_utc = datetime.now(UTC)
    outcome: Outcome | None = None
    failure: str | None = None
    try:
        outcome = (
            _score_baseline(cell, bench)
            if cell.loss is None
            else _train_and_score(cell, cell.loss, bench, progress)
        )
    except Exception as error:  # noqa: BLE001 - whatever a network does, the grid goes on
        failure = reason(error)
    record = Record(
        cell=cell,
        split_digest=split.digest,
        samples=SampleCounts(
            train=len(split.train),
            val=len(split.val),
            test=len(split.test),
            left_out=split.left_out,
        ),
        environment=bench.environment,
        started_utc=started_utc,
        finished_utc=datetime.now(UTC),
        failure=failure,
        summary=outcome.summary if outcome else None,
        curve=outcome.fit.curve if outcome else (),
        terms=outcome.fit.terms if outcome else (),
        executions=outcome.fit.executions if outcome else (),
        peak_memory_mib=outcome.peak_memory_mib if outcome else None,
        note=outcome.note if outcome else None,
    )
    return record, outcome.scores if outcome else None


def _score_baseline(cell: Cell, bench: Bench) -> Outcome:
    scores, note = baselines.score(cell.architecture.name, bench.feed.dataset, bench.split)
    return Outcome(scores, metrics.summarise(scores), note=note)


def _train_and_score(cell: Cell, loss: LossPair, bench: Bench, progress: Progress) -> Outcome:
    """Train on ``train``, select on ``val``, read ``test`` once."""
    memory = PeakMemory(bench.device)
    model = _create(cell.architecture, cell.seed, bench)
    trainer = Trainer(
        bench.feeds,
        cell.data.image_size,
        bench.split,
        cell.seed,
        bench.device,
        progress.on_step,
    )
    if cell.train.teacher is not None:
        model = Taught(model, _prepare_teacher(cell.train.teacher, loss, trainer, bench))
        trainer = replace(trainer, relabel=model.relabel)
    fit = trainer.fit(model, loss, cell.train.recipes())
    peak_memory_mib = memory.mib()
    last = cell.train.recipes()[-1]
    score = partial(
        evaluate.score,
        model,
        bench.feed,
        bench.split.test,
        batch_size=last.batch_size,
        precision=last.precision,
    )
    scores = score()
    summary = metrics.summarise(scores)
    if trainer.relabel is not None:
        consistency = metrics.summarise(score(relabel=trainer.relabel))
        summary = summary.model_copy(update={"consistency_rmse": consistency.rmse})
    return Outcome(scores, summary, fit, peak_memory_mib)


def _create(architecture: Architecture, seed: int, bench: Bench) -> nn.Module:
    model = architectures.create(architecture.name, seed=seed, **architecture.options)
    if bench.device.type == "cpu":
        guard_narrow_convolutions(model, bench.feeds)
    model.to(device=bench.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def _prepare_teacher(teacher: Teacher, loss: LossPair, trainer: Trainer, bench: Bench) -> nn.Module:
    """The teacher with its weights from a file, or trained on the true depth."""
    model = _create(teacher.architecture, trainer.seed, bench)
    if teacher.weights is not None:
        try:
            safetensors.torch.load_model(model, teacher.weights)
        except (OSError, RuntimeError, SafetensorError) as error:
            raise TrainingError(f"teacher: {teacher.weights}: {error}") from None
    else:
        trainer.fit(model, loss, (teacher.plain(),))
    return model
