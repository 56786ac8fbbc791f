"""Score a network on a set of images, one row of sufficient statistics per image."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd
import torch
from torch import nn

from bench.data import batches
from bench.data.cache import Dataset
from bench.data.split import Rows
from bench.metrics import depth_sums, mask_counts
from bench.precision import autocast


def score(
    model: nn.Module,
    dataset: Dataset,
    rows: Rows,
    *,
    batch_size: int,
    precision: str,
    device: torch.device,
) -> pd.DataFrame:
    """Predict the given rows and compare with the truth.

    Returns:
        One row an image: ``key``, and the fields of `MaskCounts` and `DepthSums`.
    """
    columns: dict[str, list[torch.Tensor]] = defaultdict(list)
    model.eval()
    with torch.inference_mode():
        for batch_rows in batches.in_order(rows, batch_size):
            batch = batches.load(dataset, batch_rows, device)
            with autocast(device, precision):
                prediction = model(batch.background, batch.composite)
            sums: dict[str, torch.Tensor] = {}
            if prediction.mask_logits is not None:
                sums |= mask_counts(prediction.mask_logits > 0, batch.mask > 0)._asdict()
            if prediction.depth_logits is not None:
                depth = prediction.depth_logits.float().sigmoid()
                sums |= depth_sums(depth, batch.depth, batch.depth_valid)._asdict()
            for name, values in sums.items():
                columns[name].append(values)
    scores = {name: torch.cat(parts).cpu().numpy() for name, parts in columns.items()}
    return pd.DataFrame({"key": dataset.keys[rows], **scores})
