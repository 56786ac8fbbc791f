"""What is kept of a prediction: sums over the pixels of each image (sufficient statistics).

They are computed once, where the prediction lies; every metric is a view of a table of them. The
mask is taken at probability 0.5, depth is in [0, 1] with 0 near. Where depth is divided by or its
logarithm taken, prediction d and target t are raised to at least `DEPTH_FLOOR` first.

| column | sum over the pixels of an image |
|---|---|
| mask_pixels | pixels whose mask is known, which alone count in the next seven |
| tp, fp, fn | object in both; in the prediction alone; in the target alone |
| predicted_boundary, target_boundary | pixels of the object's boundary, see `boundary` |
| predicted_boundary_hits, target_boundary_hits | of those, the ones near the other boundary |
| depth_pixels | pixels with a reading, which alone count in all that follows |
| predicted_depth, target_depth | d, t |
| squared_error, abs_error | (d - t)², abs(d - t) |
| abs_rel_error, sq_rel_error | abs(d - t) / t, (d - t)² / t |
| delta1_pixels, delta2_pixels, ... | pixels with max(d / t, t / d) below 1.25, 1.25², 1.25³ |
| log10_error | abs(log10 d - log10 t) |
| log_error, log_error_deviation | e = ln d - ln t; its squared distance from the image's mean e |

Three columns are means over the same pixels, not sums, and only a network has them: mask_bce and
depth_bce, the binary cross-entropy, and depth_entropy, how low that of depth can get as its targets
are grey. Two more that only a network has are sums, and tell one that does not look at its input:
changed_pixels, where the mask is not what it is on the table's first image, and depth_change, how
far d is from that of the first image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

import losses
from architectures.errors import in_one_line
from bench.errors import InputError, suggestion
from bench.evaluation.boundary import boundary, near, tolerance
from bench.evaluation.metric import Metric
from losses.target_entropy import target_entropy

DEPTH_FLOOR = 1e-3
DELTA_RATIO = 1.25
PIXELS = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class _Masks:
    """Two masks (B, 1, H, W) of booleans."""

    predicted: Tensor
    target: Tensor
    known: Tensor | None

    @cached_property
    def predicted_boundary(self) -> Tensor:
        return boundary(self.predicted, self.known)

    @cached_property
    def target_boundary(self) -> Tensor:
        return boundary(self.target, self.known)

    @property
    def tolerance(self) -> int:
        return tolerance(*self.target.shape[2:])


@dataclass(frozen=True, eq=False)
class _Depths:
    """Two depth maps (B, 1, H, W) in [0, 1], and where there is a reading."""

    predicted: Tensor
    target: Tensor
    valid: Tensor

    @cached_property
    def floored(self) -> Tensor:
        return self.predicted.clamp(min=DEPTH_FLOOR)

    @cached_property
    def floored_target(self) -> Tensor:
        return self.target.clamp(min=DEPTH_FLOOR)

    @cached_property
    def ratio(self) -> Tensor:
        return torch.maximum(self.floored / self.floored_target, self.floored_target / self.floored)

    @cached_property
    def log_error(self) -> Tensor:
        return self.floored.log() - self.floored_target.log()

    @property
    def log_error_deviation(self) -> Tensor:
        pixels = self.valid.sum(PIXELS, keepdim=True).clamp_min(1)
        mean = _sum(self.log_error, self.valid).view_as(pixels) / pixels
        return (self.log_error - mean).square()


_Pair = TypeVar("_Pair", _Masks, _Depths)
_MASK: dict[str, Callable[[_Masks], Tensor]] = {
    "mask_pixels": lambda m: torch.ones_like(m.target),
    "tp": lambda m: m.predicted & m.target,
    "fp": lambda m: m.predicted & ~m.target,
    "fn": lambda m: ~m.predicted & m.target,
    "predicted_boundary": lambda m: m.predicted_boundary,
    "target_boundary": lambda m: m.target_boundary,
    "predicted_boundary_hits": lambda m: (
        m.predicted_boundary & near(m.target_boundary, m.tolerance)
    ),
    "target_boundary_hits": lambda m: m.target_boundary & near(m.predicted_boundary, m.tolerance),
}
_DEPTH: dict[str, Callable[[_Depths], Tensor]] = {
    "depth_pixels": lambda d: d.valid,
    "predicted_depth": lambda d: d.predicted,
    "target_depth": lambda d: d.target,
    "squared_error": lambda d: (d.predicted - d.target).square(),
    "abs_error": lambda d: (d.predicted - d.target).abs(),
    "abs_rel_error": lambda d: (d.floored - d.floored_target).abs() / d.floored_target,
    "sq_rel_error": lambda d: (d.floored - d.floored_target).square() / d.floored_target,
    "delta1_pixels": lambda d: d.ratio < DELTA_RATIO,
    "delta2_pixels": lambda d: d.ratio < DELTA_RATIO**2,
    "delta3_pixels": lambda d: d.ratio < DELTA_RATIO**3,
    "log10_error": lambda d: d.log_error.abs() / math.log(10),
    "log_error": lambda d: d.log_error,
    "log_error_deviation": lambda d: d.log_error_deviation,
}
_OF_NETWORKS = {  # which no trivial baseline has
    "mask": ("changed_pixels", "mask_bce"),
    "depth": ("depth_change", "depth_bce", "depth_entropy"),
}
COLUMNS = {  # of each task
    "mask": (*_MASK, *_OF_NETWORKS["mask"]),
    "depth": (*_DEPTH, *_OF_NETWORKS["depth"]),
}
NETWORK_COLUMNS = frozenset(column for columns in _OF_NETWORKS.values() for column in columns)
EVERY_COLUMN = frozenset(column for columns in COLUMNS.values() for column in columns)


def check_metric(metric: Metric) -> None:
    """Make sure that a metric can be computed, on a table of two images.

    Raises:
        InputError: it reads a column that there is not, or its formula fails.
    """
    for column in metric.reads:
        if column not in EVERY_COLUMN:
            near = suggestion(column, sorted(EVERY_COLUMN))
            raise InputError(f"metrics: {metric.name} reads the unknown column {column!r}{near}")
    table = pd.DataFrame({column: [0, 1] for column in metric.reads})
    try:
        found = metric.formula(table)
    except Exception as error:
        raise InputError(f"metrics: {metric.name} fails: {in_one_line(error)}") from error
    if np.shape(found) != (() if metric.contract.pooled else (len(table),)):
        kind = "one number" if metric.contract.pooled else "one value an image"
        raise InputError(f"metrics: {metric.name} has to return {kind}")


def mask_sums(
    predicted: Tensor,
    target: Tensor,
    known: Tensor | None = None,
    columns: Collection[str] = EVERY_COLUMN,
) -> dict[str, Tensor]:
    """Compare two masks.

    Args:
        predicted: (B or 1, 1, H, W) bool.
        target: (B, 1, H, W) bool.
        known: (B, 1, H, W), 0 where the target is not known and nothing counts; None where it is
            everywhere.
        columns: which to compute.

    Returns:
        Numbers of pixels, (B,) each: integers; with ``known`` floats, NaN for an image of which
        nothing is known.
    """
    known = None if known is None else known.bool()
    masks = _Masks(predicted.expand_as(target), target, known)
    found = _sums(_MASK, masks, known, columns)
    return {name: _where_known(values, known) for name, values in found.items()}


def depth_sums(
    predicted: Tensor, target: Tensor, valid: Tensor, columns: Collection[str] = EVERY_COLUMN
) -> dict[str, Tensor]:
    """Compare two depth maps where ``valid`` is 1.

    Args:
        predicted: (B or 1, 1, H, W) in [0, 1].
        target: (B, 1, H, W) in [0, 1].
        valid: (B, 1, H, W) in {0, 1}.
        columns: which to compute.

    Returns:
        (B,) each; 0 for an image without a reading.
    """
    depths = _Depths(predicted.expand_as(target), target, valid.bool())
    return _sums(_DEPTH, depths, depths.valid, columns)


def mask_means(
    logits: Tensor, target: Tensor, known: Tensor | None, columns: Collection[str]
) -> dict[str, Tensor]:
    """Return the cross-entropy of each image's mask, (B,), if it is one of ``columns``."""
    if "mask_bce" not in columns:
        return {}
    bce = losses.load("bce")(logits, target, known)
    return {"mask_bce": _where_known(bce, None if known is None else known.bool())}


def depth_means(
    logits: Tensor, target: Tensor, valid: Tensor, columns: Collection[str]
) -> dict[str, Tensor]:
    """Return the cross-entropy of each image's depth and its floor, (B,), as ``columns`` ask.

    An image without a reading has 0; a metric has to leave it out by its ``depth_pixels``.
    """
    if "depth_bce" not in columns and "depth_entropy" not in columns:
        return {}
    entropy = target_entropy(target, valid)
    # The loss is what is above the entropy.
    return {
        "depth_entropy": entropy,
        "depth_bce": losses.load("bce")(logits, target, valid) + entropy,
    }


def mask_change(
    predicted: Tensor, first: Tensor, known: Tensor | None, columns: Collection[str]
) -> dict[str, Tensor]:
    """Return of each mask (B,) in how many pixels it is not ``first``, if that is asked for."""
    if "changed_pixels" not in columns:
        return {}
    known = None if known is None else known.bool()
    return {"changed_pixels": _where_known(_sum(predicted ^ first, known), known)}


def depth_change(
    predicted: Tensor, first: Tensor, valid: Tensor, columns: Collection[str]
) -> dict[str, Tensor]:
    """Return of each depth map (B,) how far it is from ``first``, if that is asked for."""
    if "depth_change" not in columns:
        return {}
    return {"depth_change": _sum((predicted - first).abs(), valid.bool())}


def _sums(
    formulas: Mapping[str, Callable[[_Pair], Tensor]],
    pair: _Pair,
    counts: Tensor | None,
    columns: Collection[str],
) -> dict[str, Tensor]:
    return {name: _sum(of(pair), counts) for name, of in formulas.items() if name in columns}


def _sum(values: Tensor, counts: Tensor | None) -> Tensor:
    """(B,) the sums of each image's pixels that count."""
    if counts is not None:
        counted = values & counts if values.dtype == torch.bool else values.where(counts, 0)
        return counted.sum(PIXELS)
    return values.sum(PIXELS)


def _where_known(values: Tensor, known: Tensor | None) -> Tensor:
    """The values (B,) of some images; NaN where nothing is known of the image."""
    if known is None:
        return values
    if values.device.type == "mps":  # it has no numbers of 64 bits
        values, known = values.cpu(), known.cpu()
    return values.double().where(known.flatten(1).any(1), math.nan)
