"""What the tables of a cell say: the value of each image, and whether the network has learnt."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bench.errors import InputError
from bench.study import places
from bench.study.record import Record
from bench.study.results import Results

if TYPE_CHECKING:
    import pandas as pd

Values = npt.NDArray[np.float64]

SAME_MASK = 0.05  # of the object's size: masks that differ in less do not depend on the image
SAME_DEPTH = 0.01  # of the range of depth, in the mean over the pixels: likewise
RIGHT = 2  # times the same: whoever errs in less is right to predict the same for all images
PREDICTED = {  # what tells the predictions of two networks apart
    "mask": ("tp", "fp", "fn", "predicted_boundary", "target_boundary_hits"),
    "depth": ("predicted_depth", "squared_error", "abs_error", "log_error"),
}


@dataclass(frozen=True)
class CellScores:
    """What is read off the tables of one complete cell.

    Attributes:
        cell: its id.
        images: a digest of the data and of the test images' keys, in their order: other data may
            have the same keys.
        values: (N,) of each metric that has a value an image; NaN where an image has none.
        collapsed: by task, what the network predicts whatever it sees.
        predictions: by task, a digest of what was predicted.
    """

    cell: str
    images: str
    values: dict[str, Values]
    collapsed: dict[str, str]
    predictions: dict[str, str]


def read(results: Results, record: Record, metrics: Collection[str]) -> CellScores | None:
    """Read the tables of a complete cell, or None where its scores are damaged.

    Where the values are damaged, or an earlier version of this project kept none, there are none.
    What is damaged is added to what is known to be so.

    Args:
        results: the study.
        record: of the cell.
        metrics: whose values are wanted.
    """
    scores = _table(results, record.cell.id, places.SCORES)
    if scores is None:
        return None
    values = _values(results, record.cell.id, scores)
    trained = record.cell.loss is not None
    images = "\n".join((record.provenance.data or "not recorded", *scores["key"]))
    return CellScores(
        cell=record.cell.id,
        images=hashlib.sha256(images.encode()).hexdigest(),
        values={
            name: values[name].to_numpy(np.float64)
            for name in metrics
            if name in values and name in (record.summary or {})
        },
        collapsed=_collapsed(scores) if trained else {},
        predictions=_digests(scores) if trained else {},
    )


def _values(results: Results, cell_id: str, scores: pd.DataFrame) -> pd.DataFrame:
    """The table of the values; without any where none can be read."""
    if results.has_values(cell_id):
        values = _table(results, cell_id, places.VALUES)
        if values is not None and values["key"].equals(scores["key"]):
            return values
        if values is not None:
            file = places.table_file(places.VALUES)
            _note(results, cell_id, f"{file}: is not of the images that were scored")
    return scores[["key"]]


def _table(results: Results, cell_id: str, table: str) -> pd.DataFrame | None:
    try:
        return results.scores(cell_id, table)
    except InputError as error:
        folder = results.folder / places.CELLS / cell_id
        _note(results, cell_id, str(error).removeprefix(f"{folder}: "))
        return None


def _note(results: Results, cell_id: str, reason: str) -> None:
    results.damaged.setdefault(f"{places.CELLS}/{cell_id}", reason)


def image_columns(results: Results, record: Record) -> dict[str, npt.NDArray[Any]]:
    """Return by what the test images of a complete cell can be told apart, (N,) each.

    These are the columns of the archive, and of the truth ``object_size`` (share of the pixels) and
    ``depth`` (mean in [0, 1]).
    """
    scores = results.scores(record.cell.id)
    found = {
        name.removeprefix("group_"): scores[name].to_numpy(object)
        for name in scores.columns
        if name.startswith("group_")
    }
    if {"mask_pixels", "tp", "fn"} <= set(scores):
        target = (scores["tp"] + scores["fn"]) / scores["mask_pixels"]
        found["object_size"] = target.to_numpy(np.float64)
    if {"depth_pixels", "target_depth"} <= set(scores):
        pixels = scores["depth_pixels"].where(scores["depth_pixels"] > 0)
        found["depth"] = (scores["target_depth"] / pixels).to_numpy(np.float64)
    return found


def _collapsed(scores: pd.DataFrame) -> dict[str, str]:
    """By task, what is predicted for every image, unless that is right."""
    found = {}
    if {"mask_pixels", "tp", "fp", "fn", "changed_pixels"} <= set(scores):
        counts = scores[["tp", "fp", "fn", "changed_pixels"]]
        share = counts.div(scores["mask_pixels"], axis=0).mean()
        predicted, target = share["tp"] + share["fp"], share["tp"] + share["fn"]
        same = SAME_MASK * min(target, 1 - target)
        if share["fp"] + share["fn"] <= RIGHT * same:
            pass
        elif predicted <= same:
            found["mask"] = "an empty mask"
        elif 1 - predicted <= same:
            found["mask"] = "a full mask"
        elif share["changed_pixels"] <= same and len(scores) > 1:
            found["mask"] = "the same mask"
    if {"depth_pixels", "depth_change", "abs_error"} <= set(scores):
        pixels = scores["depth_pixels"].sum()
        is_right = scores["abs_error"].sum() <= RIGHT * SAME_DEPTH * pixels
        is_same = scores["depth_change"].sum() <= SAME_DEPTH * pixels and len(scores) > 1
        if is_same and not is_right:
            found["depth"] = "the same depth"
    return found


def _digests(scores: pd.DataFrame) -> dict[str, str]:
    return {
        task: hashlib.sha256(scores[list(columns)].to_numpy(np.float64).tobytes()).hexdigest()
        for task, columns in PREDICTED.items()
        if set(columns) <= set(scores)
    }
