"""The pictures of the page: each chosen test image with what every row predicts of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.report.gallery import Gallery, PicturedRow, gallery
from bench.report.html.drawn_maps import Drawer, Known, fitting
from bench.report.leaderboard import Leaderboard
from bench.settings.keep import Keep
from bench.study.results import Results

# What a page has room for, in equal parts for its boards; with all of it, it has about 3 MB.
MOST_ROWS = 40
MOST_PIXELS = 2_100_000  # of all predictions and errors together
MOST_GIVEN_PIXELS = 600_000  # of all that is given, which is there once and not once a row
TASKS = ("mask", "depth")
NONE_KEPT = (
    "The study keeps no predictions of test images, so there are no pictures: its grid has keep: "
    "{predictions: 0}, or an earlier version of this project ran it. A run into a new folder keeps "
    f"those of {Keep().predictions} images a cell, unless it is told another number."
)


@dataclass(frozen=True)
class Picture:
    """An image of the page.

    Attributes:
        kind: such as ``mask`` or ``mask-error``.
        caption: what it is, in a word or two.
        alt: the same for who does not see it.
        uri: the image itself.
    """

    kind: str
    caption: str
    alt: str
    uri: str


@dataclass(frozen=True)
class Card:
    """What a row predicts of an image."""

    number: int
    title: str
    figures: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Sheet:
    """A test image, its truth, and what the rows predict of it."""

    key: str
    reasons: str
    given: tuple[Picture, ...]
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Pictures:
    """All that the page shows of the test images.

    Attributes:
        sheets: the chosen images; none where no predictions are kept.
        sentences: on which these are, and what their colors mean; or why there are none.
        figures: what orders the pictures of two rows: ``metrics``, of each its name, task, decimals
            and the sign with which more is better; ``values``, by the place of the sheet and the
            number of the row the value of each metric, or None.
    """

    sheets: tuple[Sheet, ...]
    sentences: tuple[str, ...]
    figures: dict[str, Any]


def pictures(board: Leaderboard, results: Results | None, boards: int) -> Pictures:
    """Return what the page shows of the test images.

    Args:
        board: of the study.
        results: the study; None: as if it kept no predictions.
        boards: how many there are on the page.
    """
    most_rows = max(1, MOST_ROWS // boards)
    found = None if results is None else gallery(board, results, most_rows)
    if found is None:
        return Pictures((), (NONE_KEPT,), {})
    rows = len(board.rows)
    whose = "all rows" if rows <= most_rows else f"the first {most_rows} of {rows} rows"
    return Pictures(tuple(_sheets(found, boards)), tuple(_sentences(found, whose)), _figures(found))


def _sheets(found: Gallery, boards: int) -> list[Sheet]:
    images = found.samples.images
    height, width = images["composite"].shape[1:3]
    tasks = sum(task in images for task in TASKS)
    shown = len(found.examples)
    count = shown * len(found.rows) * 2 * tasks
    drawer = Drawer(fitting((height, width), count, MOST_PIXELS // boards))
    of_given = fitting((height, width), shown * len(images), MOST_GIVEN_PIXELS // boards)
    return [
        Sheet(
            key=found.samples.keys[example.place],
            reasons=", ".join(example.reasons),
            given=tuple(_given(found, example.place, Drawer(of_given))),
            cards=tuple(_card(found, row, example.place, drawer) for row in found.rows),
        )
        for example in found.examples
    ]


def _sentences(found: Gallery, whose: str) -> list[str]:
    names = " and ".join(column.name for column in found.columns)
    kept = len(found.samples.keys)
    which = (
        f"The same {len(found.examples)} test images for {whose}. Of the {found.tested} test "
        f"images {kept} were drawn by seed before anything was trained, and what is predicted of "
        "these is kept; the median, the worst and the one on which rows differ most are of these "
        f"{kept}, by {names}. Of a row with several seeds the first one is shown."
    )
    colors = (
        "Errors of a mask: orange is wrongly taken for the object, blue is missed. Depth is dark "
        "where it is near; its error is black where there is none, and white where it is half of "
        "the range or more."
    )
    lines = [which, colors]
    if {"mask_valid", "depth_valid"} & set(found.samples.images):
        lines.append("Grey-blue: the truth is not known there.")
    if found.without:
        lines.append(f"No predictions are kept of {'; '.join(found.without)}.")
    return lines


def _figures(found: Gallery) -> dict[str, Any]:
    return {
        "metrics": [
            {
                "name": column.name,
                "task": column.task,
                "decimals": column.decimals,
                "sign": 1 if column.higher_is_better else -1,
            }
            for column in found.columns
        ],
        "values": [
            {row.number: _values(found, row, example.place) for row in found.rows}
            for example in found.examples
        ],
    }


def _values(found: Gallery, row: PicturedRow, place: int) -> list[float | None]:
    values = [float(row.values[column.key][place]) for column in found.columns]
    return [None if np.isnan(value) else value for value in values]


def _given(found: Gallery, place: int, drawer: Drawer) -> Iterator[Picture]:
    images, key = found.samples.images, found.samples.keys[place]
    for kind in ("composite", "background"):
        if kind in images:
            uri = drawer.photo(images[kind][place])
            yield Picture(kind, kind, f"the {kind} of {key}", uri)
    for task in TASKS:
        if task in images:
            draw = drawer.mask if task == "mask" else drawer.depth
            uri = draw(images[task][place], _known(found, task, place))
            yield Picture(task, f"true {task}", f"the true {task} of {key}", uri)


def _card(found: Gallery, row: PicturedRow, place: int, drawer: Drawer) -> Card:
    truth, drawn = found.samples.images, []
    for task in TASKS:
        if task not in row.images or task not in truth:
            continue
        predicted, known = row.images[task][place], _known(found, task, place)
        is_mask = task == "mask"
        uri = drawer.mask(predicted) if is_mask else drawer.depth(predicted)
        drawn.append(Picture(task, task, f"the {task} by {row.title}", uri))
        draw_error = drawer.mask_error if is_mask else drawer.depth_error
        uri = draw_error(predicted, truth[task][place], known)
        alt = f"the errors of the {task} by {row.title}"
        drawn.append(Picture(f"{task}-error", "its errors", alt, uri))
    shown = [
        f"{column.name} {value:.{column.decimals}f}"
        for column, value in zip(found.columns, _values(found, row, place), strict=True)
        if value is not None
    ]
    return Card(row.number, row.title, " · ".join([*shown, f"seed {row.seed}"]), tuple(drawn))


def _known(found: Gallery, task: str, place: int) -> Known | None:
    valid = found.samples.images.get(f"{task}_valid")
    return None if valid is None else valid[place] > 0
