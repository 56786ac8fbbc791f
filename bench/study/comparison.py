"""The values of some rows side by side, if they can be compared, and what images have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import InputError
from bench.settings.data import Split
from bench.statistics.panel import Panel
from bench.study.cell_scores import CellScores
from bench.study.record import Leakage

NO_VALUE = {"", "nan", "None", "<NA>"}


def groups_kept_apart(
    split: Split, leakage: Leakage | None, columns: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of which no group is both trained and tested on: at most two.

    Images of one group are not independent of each other, for whoever asks about new groups.

    Args:
        split: how the samples were drawn.
        leakage: what a list of samples, in place of a draw, led to.
        columns: of the test images, by name.
    """
    if split.file is None:
        together: dict[str, list[str]] = {"sample": [], "both": ["background", "foreground"]}
        drawn = together.get(split.by, [split.by])
        return {name: _in_groups(columns[name]) for name in drawn if name in columns}
    apart = [name for name, share in (leakage.groups if leakage else {}).items() if share == 0]
    groups = {name: _in_groups(columns[name]) for name in apart if name in columns}
    counts = {name: len(np.unique(column)) for name, column in groups.items()}
    several = [name for name, count in counts.items() if 1 < count < len(groups[name])]
    return {name: groups[name] for name in sorted(several, key=lambda name: counts[name])[:2]}


def _in_groups(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The group of each image as text; one without a value is a group of its own."""
    named = enumerate(map(str, values))
    return np.array([f"image {n}" if name in NO_VALUE else f"group {name}" for n, name in named])


def panel_of(
    metric: str, rows: Sequence[Sequence[CellScores]], groups: Mapping[str, npt.NDArray[Any]]
) -> Panel:
    """Return the values of some rows by a metric; images without a value are left out.

    Args:
        metric: that all cells have values of.
        rows: the cells of each.
        groups: (N,) of each column of which no group is both trained and tested on.

    Raises:
        InputError: they cannot be compared.
    """
    cells = [cell for of_row in rows for cell in of_row]
    if not cells:
        raise InputError("the study keeps no value of each image")
    if any(cell.images != cells[0].images for cell in cells):
        raise InputError("the rows were scored on different images")
    has_value = ~np.isnan(cells[0].values[metric])
    if any(not np.array_equal(~np.isnan(cell.values[metric]), has_value) for cell in cells):
        raise InputError("some rows have no value on images on which others have one")
    shown = {name: group[has_value] for name, group in groups.items()}
    for name, group in shown.items():
        if len(np.unique(group)) == 1:
            raise InputError(
                f"all test images have the same {name}, so that nothing can be said of others"
            )
    return Panel(
        [np.stack([cell.values[metric][has_value] for cell in of_row]) for of_row in rows],
        list(shown.values()),
    )
