"""Are the cells of a split scored on the same images, against the same truth?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.settings import identity
from bench.study.record import Record

TRUTH = ("mask_pixels", "target_boundary", "depth_pixels", "target_depth", "depth_entropy")
ROUNDED = 1e-4  # of a sum that another machine adds up in another order


@dataclass(frozen=True, eq=False)
class _Version:
    """What some cells agree on: a column of the truth (N,), in the order of the keys."""

    values: pd.Series
    cells: list[str]


class Truths:
    """What the scores of cells say of the test images, whatever is predicted of them."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, ...], list[_Version]] = defaultdict(list)

    def add(self, record: Record, scores: pd.DataFrame) -> None:
        """Take the truth out of a cell's scores."""
        known, cell = record.provenance, record.cell
        scores = scores.sort_values("key", ignore_index=True)
        self._add((known.split, "images"), scores["key"], cell.id)
        images = identity.digest([*scores["key"]])
        about = (str(known.data), known.split, identity.digest(identity.of_data(cell.data)), images)
        for name, values in _truth(scores).items():
            self._add((*about, name), values, cell.id)

    def _add(self, what: tuple[str, ...], values: pd.Series, cell: str) -> None:
        for version in self._versions[what]:
            if _alike(version.values, values):
                version.cells.append(cell)
                return
        self._versions[what].append(_Version(values, [cell]))

    def problems(self) -> Iterator[tuple[str, str]]:
        """Give the id of each cell that differs from most of its split, and in what."""
        for (*_, name), versions in self._versions.items():
            most = max(versions, key=lambda version: len(version.cells))
            for version in versions:
                for cell in version.cells if version is not most else ():
                    others = _named(most.cells)
                    yield cell, f"it has other {name} than {others}, whose split is the same"


def _named(cells: list[str]) -> str:
    return cells[0] if len(cells) == 1 else f"{cells[0]} and {len(cells) - 1} more"


def _truth(scores: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns that no prediction decides."""
    found = {name: scores[name] for name in TRUTH if name in scores}
    if {"tp", "fn"} <= set(scores):
        found["tp + fn"] = scores["tp"] + scores["fn"]
    groups = [name for name in map(str, scores) if name.startswith("group_")]
    return found | {name: scores[name].astype(str) for name in groups}


def _alike(one: pd.Series, other: pd.Series) -> bool:
    if one.dtype.kind == "O" or other.dtype.kind == "O":
        return one.equals(other)
    return len(one) == len(other) and np.allclose(one, other, ROUNDED, 0, equal_nan=True)
