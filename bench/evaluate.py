"""Score a network on a set of images, one row of sufficient statistics per image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pandas as pd
import torch
from torch import nn

import losses
from bench.data import batches
from bench.data.batches import Batch
from bench.data.cache import Dataset
from bench.data.split import Rows
from bench.metrics import depth_sums, mask_counts
from bench.precision import autocast
from losses.target_entropy import target_entropy


def score(
    model: nn.Module,
    dataset: Dataset,
    rows: Rows,
    *,
    batch_size: int,
    precision: str,
    device: torch.device,
    relabel: Callable[[Batch], Batch] | None = None,
) -> pd.DataFrame:
    """Predict the given rows and compare with the truth, or what ``relabel`` puts in its place.

    Returns:
        One row an image: ``key``, the fields of `MaskCounts` and `DepthSums`, and the means over
        its pixels ``mask_bce``, ``depth_bce`` and ``depth_entropy`` (see `bench.metrics`).
    """
    excess_bce = losses.load("bce")  # less the targets' entropy, which is 0 for a mask
    columns: dict[str, list[torch.Tensor]] = defaultdict(list)
    model.eval()
    with torch.inference_mode():
        for batch_rows in batches.in_order(rows, batch_size):
            batch = batches.load(dataset, batch_rows, device)
            if relabel is not None:
                batch = relabel(batch)
            with autocast(device, precision):
                prediction = model(batch.background, batch.composite)
            sums: dict[str, torch.Tensor] = {}
            if prediction.mask_logits is not None:
                sums |= mask_counts(prediction.mask_logits > 0, batch.mask > 0)._asdict()
                sums["mask_bce"] = excess_bce(prediction.mask_logits, batch.mask)
            if prediction.depth_logits is not None:
                depth = prediction.depth_logits.float().sigmoid()
                sums |= depth_sums(depth, batch.depth, batch.depth_valid)._asdict()
                excess = excess_bce(prediction.depth_logits, batch.depth, batch.depth_valid)
                sums["depth_entropy"] = target_entropy(batch.depth, batch.depth_valid)
                sums["depth_bce"] = excess + sums["depth_entropy"]
            for name, values in sums.items():
                columns[name].append(values)
    scores = {name: torch.cat(parts).cpu().numpy() for name, parts in columns.items()}
    return pd.DataFrame({"key": dataset.keys[rows], **scores})
