"""Score a network on a set of images, one row of sufficient statistics per image."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

import losses
from bench.data import batches
from bench.data.batch_loader import BatchLoader
from bench.data.batches import Batch
from bench.data.split import Rows
from bench.evaluation.metrics import depth_sums, mask_counts
from bench.machine.failure import is_out_of_memory
from bench.machine.precision import autocast
from losses.target_entropy import target_entropy

CUDA_PIXELS = 2**21  # of a batch, at least: 512 images of 64 px


def score(
    model: nn.Module,
    loader: BatchLoader,
    rows: Rows,
    *,
    batch_size: int,
    precision: str,
    pseudo_label: Callable[[Batch], Batch] | None = None,
) -> pd.DataFrame:
    """Predict the given rows and compare with the truth, or what ``pseudo_label`` makes of it.

    The figures do not depend on the batch size: on a CUDA device it is raised to fill the device,
    and wherever memory runs out it is halved.

    Returns:
        One row an image: ``key``, the fields of `MaskCounts` and `DepthSums`, and the means over
        its pixels ``mask_bce``, ``depth_bce`` and ``depth_entropy`` (see `metrics`).
    """
    if loader.device.type == "cuda":
        batch_size = max(batch_size, CUDA_PIXELS // math.prod(loader.dataset.size))
    model.eval()
    while True:
        try:
            with torch.inference_mode():
                order = batches.in_order(rows, batch_size)
                scores = _compare(model, loader, order, precision, pseudo_label)
            return pd.DataFrame({"key": loader.dataset.keys[rows], **scores})
        except Exception as error:
            if not is_out_of_memory(error) or batch_size == 1:
                raise
        batch_size //= 2


def _compare(
    model: nn.Module,
    loader: BatchLoader,
    order: Iterable[Rows],
    precision: str,
    pseudo_label: Callable[[Batch], Batch] | None,
) -> dict[str, npt.NDArray[np.generic]]:
    tasks = ("mask", "depth") if pseudo_label is not None else loader.dataset.tasks
    excess_bce = losses.load("bce")  # less the targets' entropy, which is 0 for a mask
    columns: dict[str, list[torch.Tensor]] = defaultdict(list)
    for batch in loader.iterate(order):
        truth = batch if pseudo_label is None else pseudo_label(batch)
        with autocast(loader.device, precision):
            prediction = model(batch.background, batch.composite)
        sums: dict[str, torch.Tensor] = {}
        if prediction.mask_logits is not None and "mask" in tasks:
            sums |= mask_counts(prediction.mask_logits > 0, truth.mask > 0)._asdict()
            sums["mask_bce"] = excess_bce(prediction.mask_logits, truth.mask)
        if prediction.depth_logits is not None and "depth" in tasks:
            depth = prediction.depth_logits.float().sigmoid()
            sums |= depth_sums(depth, truth.depth, truth.depth_valid)._asdict()
            excess = excess_bce(prediction.depth_logits, truth.depth, truth.depth_valid)
            sums["depth_entropy"] = target_entropy(truth.depth, truth.depth_valid)
            sums["depth_bce"] = excess + sums["depth_entropy"]
        for name, values in sums.items():
            columns[name].append(values)
    return {name: torch.cat(parts).cpu().numpy() for name, parts in columns.items()}
