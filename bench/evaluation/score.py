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
from bench.data.batches import Batch
from bench.data.feed import Feed
from bench.data.split import Rows
from bench.evaluation.metrics import depth_sums, mask_counts
from bench.machine.precision import autocast
from bench.training.out_of_memory import is_out_of_memory
from losses.target_entropy import target_entropy

CUDA_PIXELS = 2**21  # of a batch, at least: 512 images of 64 px


def score(
    model: nn.Module,
    feed: Feed,
    rows: Rows,
    *,
    batch_size: int,
    precision: str,
    relabel: Callable[[Batch], Batch] | None = None,
) -> pd.DataFrame:
    """Predict the given rows and compare with the truth, or what ``relabel`` puts in its place.

    The figures do not depend on the batch size: on a CUDA device it is raised to fill the device,
    and wherever memory runs out it is halved.

    Returns:
        One row an image: ``key``, the fields of `MaskCounts` and `DepthSums`, and the means over
        its pixels ``mask_bce``, ``depth_bce`` and ``depth_entropy`` (see `metrics`).
    """
    if feed.device.type == "cuda":
        batch_size = max(batch_size, CUDA_PIXELS // math.prod(feed.dataset.size))
    model.eval()
    while True:
        try:
            with torch.inference_mode():
                order = batches.in_order(rows, batch_size)
                scores = _compare(model, feed, order, precision, relabel)
            return pd.DataFrame({"key": feed.dataset.keys[rows], **scores})
        except Exception as error:
            if not is_out_of_memory(error) or batch_size == 1:
                raise
        batch_size //= 2


def _compare(
    model: nn.Module,
    feed: Feed,
    order: Iterable[Rows],
    precision: str,
    relabel: Callable[[Batch], Batch] | None,
) -> dict[str, npt.NDArray[np.generic]]:
    heads = ("mask", "depth") if relabel is not None else feed.dataset.heads
    excess_bce = losses.load("bce")  # less the targets' entropy, which is 0 for a mask
    columns: dict[str, list[torch.Tensor]] = defaultdict(list)
    for batch in feed.each(order):
        truth = batch if relabel is None else relabel(batch)
        with autocast(feed.device, precision):
            prediction = model(batch.background, batch.composite)
        sums: dict[str, torch.Tensor] = {}
        if prediction.mask_logits is not None and "mask" in heads:
            sums |= mask_counts(prediction.mask_logits > 0, truth.mask > 0)._asdict()
            sums["mask_bce"] = excess_bce(prediction.mask_logits, truth.mask)
        if prediction.depth_logits is not None and "depth" in heads:
            depth = prediction.depth_logits.float().sigmoid()
            sums |= depth_sums(depth, truth.depth, truth.depth_valid)._asdict()
            excess = excess_bce(prediction.depth_logits, truth.depth, truth.depth_valid)
            sums["depth_entropy"] = target_entropy(truth.depth, truth.depth_valid)
            sums["depth_bce"] = excess + sums["depth_entropy"]
        for name, values in sums.items():
            columns[name].append(values)
    return {name: torch.cat(parts).cpu().numpy() for name, parts in columns.items()}
