"""Where the steps meet: from a grid to a study on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pandas as pd
import torch

import architectures
from bench import baselines, environment, evaluate, metrics, throughput, train
from bench.data import batches
from bench.data.cache import Dataset, open_dataset
from bench.data.split import SplitRows, split_rows
from bench.device import PeakMemory
from bench.errors import InputError
from bench.grid import Architecture, Cell, Grid, LossPair
from bench.record import Environment, Epoch, Record, SampleCounts, Throughput
from bench.store import Store


class Progress(Protocol):
    """Who is told how far a run is."""

    def on_decoded(self, done: int, total: int) -> None:
        """So many pictures are in the cache."""

    def on_cell(self, cell: Cell, number: int, total: int) -> None:
        """A cell starts, the ``number``-th of ``total`` in the grid."""

    def on_step(self, step: int, total: int, loss: float, images_per_s: float) -> None:
        """The running cell has come so far."""

    def on_record(self, record: Record) -> None:
        """A cell is finished."""


@dataclass(frozen=True)
class Bench:
    """What all cells of a run share."""

    dataset: Dataset
    split: SplitRows
    device: torch.device
    environment: Environment


def baseline_cells(grid: Grid) -> Iterable[Cell]:
    """The trivial baselines of a grid, as cells without a loss."""
    for name in baselines.NAMES:
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
    """Remove the records of the grid's failed cells, so that they are run once more."""
    finished = store.finished()
    for cell in all_cells(grid):
        if cell.id in finished and store.read(cell.id).failure is not None:
            store.remove(cell.id)


def run(grid: Grid, store: Store, *, device: torch.device, progress: Progress) -> None:
    """Run every cell of the grid that the study lacks.

    A cell that fails is recorded with its reason, and the rest goes on.

    Raises:
        InputError: the data is at fault, or the study was made from other data; nothing is written.
    """
    dataset = open_dataset(
        [Path(name) for name in grid.data.archive],
        grid.data.image_size,
        on_progress=progress.on_decoded,
    )
    split = split_rows(dataset.keys, grid.data.split, dataset.fingerprint)
    cells = all_cells(grid)
    _check_comparable(cells, store, split)
    store.write_grid(grid)
    missing = {cell.id for cell in missing_cells(grid, store)}
    bench = Bench(dataset, split, device, environment.describe(device))
    for number, cell in enumerate(cells, 1):
        if cell.id in missing:
            progress.on_cell(cell, number, len(cells))
            record, scores = run_cell(cell, bench, progress)
            store.append(record, scores)
            progress.on_record(record)


def _check_comparable(cells: list[Cell], store: Store, split: SplitRows) -> None:
    """Refuse to fill up a study with figures from a changed archive or of changed defaults."""
    finished = store.finished()
    for cell in cells:
        if cell.id not in finished:
            continue
        record = store.read(cell.id)
        if record.split_digest != split.digest:
            origin = f"other contents of {', '.join(cell.data.archive)}"
        elif record.cell != cell:
            origin = "a version of maskdepth-bench with other default settings"
        else:
            continue
        raise InputError(
            f"{store.folder}: holds results from {origin}; give another --out, or delete the folder"
        )


def run_cell(cell: Cell, bench: Bench, progress: Progress) -> tuple[Record, pd.DataFrame | None]:
    """Run one cell; a failure becomes a record without scores."""
    started_utc = datetime.now(UTC)
    scores: pd.DataFrame | None = None
    found: dict[str, object]
    try:
        if cell.loss is None:
            scores, note = baselines.score(cell.architecture.name, bench.dataset, bench.split)
            found = {"note": note}
        else:
            scores, curve, speed = _train_and_score(cell, cell.loss, bench, progress)
            found = {"curve": curve, "throughput": speed}
        found["summary"] = metrics.summarise(scores)
    except Exception as error:  # noqa: BLE001 - whatever a network does, the grid goes on
        found = {"failure": _reason(error)}
    split = bench.split
    record = Record(
        cell=cell,
        split_digest=split.digest,
        samples=SampleCounts(train=len(split.train), val=len(split.val), test=len(split.test)),
        environment=bench.environment,
        started_utc=started_utc,
        finished_utc=datetime.now(UTC),
        **found,
    )
    return record, scores


def _train_and_score(
    cell: Cell, loss: LossPair, bench: Bench, progress: Progress
) -> tuple[pd.DataFrame, tuple[Epoch, ...], Throughput]:
    """Train on ``train``, select on ``val``, read ``test`` once, and time the network."""
    memory = PeakMemory(bench.device)
    model = architectures.create(
        cell.architecture.name, seed=cell.seed, **cell.architecture.options
    )
    model.to(device=bench.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    objectives = train.Objectives.parse(loss)
    curve = train.fit(
        model,
        objectives,
        bench.dataset,
        bench.split,
        cell.train,
        seed=cell.seed,
        device=bench.device,
        on_step=progress.on_step,
    )
    peak_memory_mib = memory.mib()
    scores = evaluate.score(
        model,
        bench.dataset,
        bench.split.test,
        batch_size=cell.train.batch_size,
        precision=cell.train.precision,
        device=bench.device,
    )
    rows = bench.split.train[: cell.train.batch_size]
    speed = throughput.measure(
        model,
        objectives,
        batches.load(bench.dataset, rows, bench.device),
        cell.train,
        peak_memory_mib=peak_memory_mib,
        device=bench.device,
    )
    return scores, curve, speed


def _reason(error: Exception) -> str:
    """Why a cell failed, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in text:
        return f"out of memory: {text}"
    if isinstance(error, train.TrainingError):
        return text
    return f"{type(error).__name__}: {text}"
