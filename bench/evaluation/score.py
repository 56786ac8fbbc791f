"""Score a network on a set of images, one row of sufficient statistics an image."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from architectures import Prediction
from bench.data import batches
from bench.data.batch_loader import BatchLoader
from bench.data.batches import Batch
from bench.data.dataset import Dataset
from bench.data.split import Rows
from bench.errors import DivergedError
from bench.evaluation import sums
from bench.machine.failure import is_out_of_memory
from bench.machine.precision import autocast, number_format

CUDA_PIXELS = 2**21  # of a batch, at least: 512 images of 64 px
PseudoLabel = Callable[[Batch], Batch]
Observe = Callable[[Rows, Prediction], None]
Columns = dict[str, Tensor]


def score(
    model: nn.Module,
    loader: BatchLoader,
    rows: Rows,
    *,
    batch_size: int,
    precision: str,
    tasks: Collection[str],
    columns: Collection[str] = sums.EVERY_COLUMN,
    pseudo_label: PseudoLabel | None = None,
    observe: Observe | None = None,
    subset: Literal["val", "test"] = "test",
) -> pd.DataFrame:
    """Predict the given rows and compare with the truth, or what ``pseudo_label`` makes of it.

    The figures do not depend on the batch size: on a CUDA device it is raised to fill the device,
    and wherever memory runs out it is halved.

    Args:
        model: the network.
        loader: the samples.
        rows: which of them.
        batch_size: of images.
        precision: of the prediction, and of what stands in for the truth: bf16, tf32 or float32.
        tasks: which are scored, of those that the network predicts.
        columns: which of `sums.COLUMNS` to compute.
        pseudo_label: what stands in for the truth.
        observe: given the rows of each batch and what is predicted of them; of some rows twice
            where memory ran out.
        subset: what the rows are, for messages.

    Returns:
        The table of `tabulate`, with those ``columns`` that are about the scored tasks.

    Raises:
        DivergedError: a prediction, or the teacher's that it is compared with, is not finite.
    """
    if loader.device.type == "cuda":
        batch_size = max(batch_size, CUDA_PIXELS // math.prod(loader.dataset.size))
    model.eval()

    first: Columns = {}  # of each task, the prediction of the first image

    def compare(batch: Batch, of_batch: Rows) -> tuple[Columns, Columns]:
        with autocast(loader.device, precision):
            truth = batch if pseudo_label is None else pseudo_label(batch)
            prediction = model(batch.background, batch.composite)
        finite = _finite(prediction, tasks)
        if pseudo_label is not None:
            finite["the teacher's depth"] = _is_finite(truth.depth)
        found = _sums(prediction, truth, tasks, columns, first)
        if observe is not None:
            observe(of_batch, prediction)
        return found, finite

    while True:
        try:
            with torch.inference_mode(), number_format(precision):
                order = list(batches.in_order(rows, batch_size))
                parts, finite = zip(*map(compare, loader.iterate(order), order), strict=True)
            break
        except Exception as error:
            if not is_out_of_memory(error) or batch_size == 1:
                raise
        batch_size //= 2
    table = tabulate(loader.dataset, rows, _joined(parts))
    for what, is_finite in _joined(finite).items():
        if not is_finite.all():
            keys = table["key"][~is_finite]
            raise DivergedError(
                f"{what} is not finite on {len(keys)} of {len(rows)} {subset} images, first: "
                f"{keys.iloc[0]}"
            )
    return table


def tabulate(dataset: Dataset, rows: Rows, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table of scores, one row an image.

    Its columns: ``key``; ``group_<column>`` of each further column of the archive (background,
    scene, ...), which later statistics group by; and the given ones.
    """
    samples = dataset.samples.iloc[rows].reset_index(drop=True)
    groups = {f"group_{name}": samples[name] for name in samples.columns if name != "key"}
    return pd.DataFrame({"key": samples["key"], **groups, **columns})


def _sums(
    prediction: Prediction,
    truth: Batch,
    tasks: Collection[str],
    columns: Collection[str],
    first: Columns,
) -> Columns:
    found: Columns = {}
    if "mask" in tasks and prediction.mask_logits is not None:
        mask, target = prediction.mask_logits > 0, truth.mask > 0
        found |= sums.mask_sums(mask, target, truth.mask_valid, columns)
        of_first = first.setdefault("mask", mask[:1])
        found |= sums.mask_change(mask, of_first, truth.mask_valid, columns)
        found |= sums.mask_means(prediction.mask_logits, truth.mask, truth.mask_valid, columns)
    if "depth" in tasks and prediction.depth_logits is not None:
        depth = prediction.depth_logits.float().sigmoid()
        found |= sums.depth_sums(depth, truth.depth, truth.readings, columns)
        of_first = first.setdefault("depth", depth[:1])
        found |= sums.depth_change(depth, of_first, truth.readings, columns)
        found |= sums.depth_means(prediction.depth_logits, truth.depth, truth.readings, columns)
    return found


def _finite(prediction: Prediction, tasks: Collection[str]) -> Columns:
    """Of each scored prediction, on which images (B,) it is finite."""
    logits = {"mask": prediction.mask_logits, "depth": prediction.depth_logits}
    return {
        f"the {task} prediction": _is_finite(values)
        for task, values in logits.items()
        if task in tasks and values is not None
    }


def _is_finite(images: Tensor) -> Tensor:
    return images.isfinite().flatten(1).all(1)


def _joined(parts: Iterable[Columns]) -> dict[str, npt.NDArray[Any]]:
    columns = defaultdict(list)
    for part in parts:
        for name, values in part.items():
            columns[name].append(values)
    return {name: torch.cat(values).cpu().numpy() for name, values in columns.items()}
