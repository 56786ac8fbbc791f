"""Which test images a study can show, and what a network predicts of them while it is scored."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from architectures import Prediction
from bench.data.split import Rows
from bench.errors import DamagedError
from bench.execution.context import RunContext
from bench.randomness import stream_seed
from bench.settings import identity
from bench.study.kept_images import MIDDLE, TOP, Pixels, as_table
from bench.study.record import Provenance
from bench.study.results import Results


def shown_rows(context: RunContext) -> Rows:
    """Return the rows of the test images whose predictions are kept, in the order of their draw.

    They are as many as the grid asks for, drawn by the split's seed from the sorted keys: neither
    the order in an archive nor anything that a network predicts decides. A higher number adds some.
    """
    rows, count = context.split.test, context.grid.keep.predictions
    by_key = rows[np.argsort(context.loader.dataset.keys[rows], kind="stable")]
    seed = stream_seed(context.grid.data.split.seed, "kept predictions")
    return by_key[np.random.default_rng(seed).permutation(len(by_key))[:count]]


def samples_to_keep(
    context: RunContext, provenance: Provenance, results: Results
) -> pd.DataFrame | None:
    """Return these test images and their truth, or more of them where an earlier run kept more.

    Finished cells of that run predict them all, and are not run again to keep fewer.

    Args:
        context: of the run.
        provenance: what is behind its cells.
        results: what the study held before it.

    Returns:
        As `bench.study.kept_images` has them; None where no predictions are kept.
    """
    rows, data = shown_rows(context), identity.of_data(context.grid.data)
    asked = set(context.loader.dataset.keys[rows])
    for stored in results.grids:
        before = stored.provenance
        is_same = (before.data, before.split) == (provenance.data, provenance.split)
        if is_same and identity.of_data(stored.grid.data) == data:
            with suppress(DamagedError):  # then they are written anew
                earlier = results.samples(stored)
                if earlier is not None and asked <= set(earlier["key"]):
                    return earlier
    return _samples(context, rows) if len(rows) else None


def _samples(context: RunContext, rows: Rows) -> pd.DataFrame:
    dataset = context.loader.dataset
    images: dict[str, Pixels] = {"composite": dataset.composites[rows]}
    if dataset.backgrounds is not None:
        images["background"] = dataset.backgrounds[dataset.background_rows[rows]]
    if dataset.masks is not None:
        images["mask"] = dataset.masks[rows] * np.uint8(TOP)
        if dataset.mask_valid is not None:
            images["mask_valid"] = dataset.mask_valid[rows] * np.uint8(TOP)
    if dataset.depths is not None:
        images["depth"] = _levels(dataset.depths[rows] / dataset.depth_maximum)
        if dataset.depth_valid is not None:
            images["depth_valid"] = dataset.depth_valid[rows] * np.uint8(TOP)
    return as_table(list(dataset.keys[rows]), images)


class PredictionsOf:
    """Keeps what is predicted of some rows, when it is told of the batches that hold them.

    Args:
        rows: which, at least one.
        tasks: that the network was trained for.
    """

    def __init__(self, rows: Rows, tasks: Collection[str]) -> None:
        self._rows, self._tasks = rows, tasks
        self._found: dict[int, dict[str, Pixels]] = {}

    def __call__(self, rows: Rows, prediction: Prediction) -> None:
        """Take what is of the rows out of a batch.

        Args:
            rows: (B,) of the batch.
            prediction: of them.
        """
        for place in np.flatnonzero(np.isin(rows, self._rows)):
            self._found[int(rows[place])] = {
                task: levels(logits[place, 0])
                for task, logits, levels in (
                    ("mask", prediction.mask_logits, _mask_levels),
                    ("depth", prediction.depth_logits, _depth_levels),
                )
                if logits is not None and task in self._tasks
            }

    def table(self, keys: npt.NDArray[np.str_]) -> pd.DataFrame:
        """Return what was kept, as `bench.study.kept_images` has it.

        Args:
            keys: of all rows of the dataset.
        """
        of_rows = [self._found[int(row)] for row in self._rows]
        images = {kind: [found[kind] for found in of_rows] for kind in of_rows[0]}
        return as_table(list(keys[self._rows]), images)


def _mask_levels(logits: Tensor) -> Pixels:
    """Probabilities as levels, on the side of the middle on which the pixel is scored."""
    levels = (logits.float().sigmoid() * TOP).round()
    levels = torch.where(logits > 0, levels.clamp(min=MIDDLE + 1), levels.clamp(max=MIDDLE))
    return _on_host(levels)


def _depth_levels(logits: Tensor) -> Pixels:
    return _on_host((logits.float().sigmoid() * TOP).round())


def _on_host(levels: Tensor) -> Pixels:
    pixels: Pixels = levels.to("cpu", torch.uint8).numpy()
    return pixels


def _levels(shares: npt.NDArray[np.float64]) -> Pixels:
    return np.rint(shares * TOP).astype(np.uint8)
