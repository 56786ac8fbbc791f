"""What all cells of a process share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from bench.data.batch_loader import BatchLoader
from bench.data.cache import decoding_outlook, open_dataset, open_pool
from bench.data.split import SplitRows, split_rows
from bench.data.split_by_group import missed_by_groups
from bench.errors import InputError
from bench.evaluation import metrics
from bench.evaluation.metric import Metric
from bench.evaluation.sums import check_metric
from bench.events import Decoded, Listener, Remark, silent
from bench.execution.provenance import Inventory
from bench.machine import environment
from bench.machine.memory import keep_freed_memory
from bench.machine.precision import check_precision
from bench.settings import Recipe, identity
from bench.settings.base import Size
from bench.settings.grid import Grid
from bench.study.record import Environment
from user_code import forget_changed


@dataclass(frozen=True)
class RunContext:
    """What all cells of a run share.

    Attributes:
        loaders: the samples at every size that the grid asks for.
        loader: those at the size of the figures.
        metrics: that the test images are scored by: all of this package, and the grid's own.
        val_metrics: the grid's alone, which the validation images are scored by.
        inventory: what there is behind the cells' settings.
        folder: of the study's checkpoints, and for what cells share, such as a teacher.
        grid: the question.
    """

    loaders: dict[Size, BatchLoader]
    loader: BatchLoader
    split: SplitRows
    device: torch.device
    environment: Environment
    metrics: tuple[Metric, ...]
    val_metrics: tuple[Metric, ...]
    inventory: Inventory
    folder: Path
    grid: Grid


def open_context(
    grid: Grid,
    device: torch.device,
    folder: Path,
    *,
    check_cache: bool = False,
    known: Environment | None = None,
    listen: Listener = silent,
) -> RunContext:
    """Open what a grid asks for, decoding the archives where that has not been done yet.

    Args:
        grid: the question.
        device: where to compute; it is not set up yet.
        folder: of the study's checkpoints.
        check_cache: compare what has been decoded with its checksums to the last byte.
        known: the environment, where it has been looked at before.
        listen: told how decoding comes along, and what is worth saying.

    Raises:
        InputError: the data, a metric or a precision is at fault; the line says how to do without.
    """
    forget_changed()
    for recipe in _recipes(grid):
        check_precision(device, recipe.precision)
    found = load_metrics(grid)
    keep_freed_memory()
    loaders = {}
    for size in _sizes(grid):
        dataset = open_dataset(
            grid.data.sources(),
            size,
            exclude=_exclude(grid),
            on_progress=lambda done, total: listen(Decoded(done, total)),
            on_remark=lambda text: listen(Remark(text)),
            check_cache=check_cache,
        )
        loaders[size] = BatchLoader(dataset, device)
    loader = loaders[grid.data.image_size]
    there = loader.dataset
    _check_kinds(grid, [*there.tasks, *([] if there.backgrounds is None else ["background"])])
    split = split_rows(
        loader.dataset.samples, grid.data.split, loader.dataset.fingerprint, limit=grid.data.limit
    )
    asked = {identity.of_metric(spec) for spec in grid.metrics}
    return RunContext(
        loaders=loaders,
        loader=loader,
        split=split,
        device=device,
        environment=known or environment.describe(device),
        metrics=found,
        val_metrics=tuple(metric for metric in found if metric.name in asked),
        inventory=Inventory(loader.dataset.fingerprint, split.digest),
        folder=folder,
        grid=grid,
    )


def open_inventory(grid: Grid, listen: Listener = silent) -> Inventory:
    """Find out what there is behind a grid's settings, without decoding anything.

    Args:
        grid: the question.
        listen: told what the data is.

    Raises:
        InputError: the data or a metric is at fault.
    """
    forget_changed()
    load_metrics(grid)
    pool, fingerprint = open_pool(
        grid.data.sources(),
        exclude=_exclude(grid),
        on_remark=lambda text: listen(Remark(text)),
    )
    _check_kinds(grid, pool.kinds)
    split = split_rows(pool.samples, grid.data.split, fingerprint, limit=grid.data.limit)
    listen(Remark(f"each sample has {', '.join(pool.kinds)}"))
    listen(Remark(f"{split.label} ({grid.data.split.label})"))
    for remark in missed_by_groups(pool.samples, grid.data.split, split):
        listen(Remark(remark))
    for size in sorted(_sizes(grid)):
        listen(Remark(decoding_outlook(pool, size, fingerprint)))
    return Inventory(fingerprint, split.digest)


def load_metrics(grid: Grid) -> tuple[Metric, ...]:
    """Return all metrics of this package, and the grid's own.

    Raises:
        InputError: there is no such metric, it cannot be computed, or none of the grid's networks
            is trained for its task.
    """
    found: dict[str, Metric] = {}
    for spec in [*metrics.names(), *grid.metrics]:
        metric = metrics.load(spec)
        known = found.setdefault(metric.name, metric)
        if known.path != metric.path:
            raise InputError(
                f"metrics: {known.path} and {metric.path} differ in their folders only; give one "
                "of the files another name"
            )
    for spec in grid.metrics:
        name = identity.of_metric(spec)
        task = found[name].contract.task
        if task not in grid.tasks() and name not in Grid.model_fields["metrics"].default:
            raise InputError(
                f"metrics: {name} is about {task}, which no loss of the grid trains; leave it out"
            )
        check_metric(found[name])
    return tuple(found.values())


def _exclude(grid: Grid) -> Path | None:
    return Path(grid.data.exclude) if grid.data.exclude else None


def _check_kinds(grid: Grid, kinds: Iterable[str]) -> None:
    """Make sure that the archives have the kinds of images that the grid needs.

    Raises:
        InputError: they do not; the line says how to do without.
    """
    lacking = grid.kinds() - {"composite", *kinds}
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
    asked = (recipe.image_size for recipe in _recipes(grid))
    return {grid.data.image_size, *(size for size in asked if size is not None)}


def _recipes(grid: Grid) -> list[Recipe]:
    """Of all stages, and of the teacher."""
    return [*grid.train.recipes(), *([grid.train.teacher] if grid.train.teacher else [])]
