"""What the rows of a board predict of the same test images, as far as the study keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.errors import DamagedError
from bench.report.columns import Column
from bench.report.examples import Example, Judgement, Values, choose
from bench.report.leaderboard import Leaderboard
from bench.study import places
from bench.study.kept_images import KeptImages, Pixels, read_predictions, read_samples
from bench.study.record import Record
from bench.study.results import Results, StoredGrid


@dataclass(frozen=True, eq=False)
class PicturedRow:
    """A row of the board, by one of its cells.

    Attributes:
        number: on the board, the first row's is 0.
        title: the row's name.
        seed: the cell's: the first that can be shown.
        images: (N, H, W) uint8 of each task, see `bench.study.kept_images`.
        values: (N,) of each metric, by its key; NaN where there is none.
    """

    number: int
    title: str
    seed: int
    images: dict[str, Pixels]
    values: dict[str, Values]


@dataclass(frozen=True, eq=False)
class Gallery:
    """Rows beside each other on N test images.

    Attributes:
        samples: the images and their truth.
        rows: those of the board of which predictions are kept.
        without: the names of others that were to be shown.
        columns: the first metric of each task, by which images are chosen.
        examples: the images that are shown.
        tested: of how many test images the N were drawn.
    """

    samples: KeptImages
    rows: tuple[PicturedRow, ...]
    without: tuple[str, ...]
    columns: tuple[Column, ...]
    examples: tuple[Example, ...]
    tested: int


def gallery(board: Leaderboard, results: Results, most_rows: int) -> Gallery | None:
    """Return what there is to show of a board; None if the study keeps no pictures of it.

    What is damaged is left out, and added to what is known to be so.

    Args:
        board: of the study.
        results: the study.
        most_rows: how many rows to show at most: the first ones of the board.
    """
    samples = _samples(board, results)
    if samples is None:
        return None
    shown = board.rows[:most_rows]
    kept = {
        number: found
        for number, row in enumerate(shown)
        if (found := _first_kept(row.records, results)) is not None
    }
    keys = [key for key in samples.keys if all(key in images.keys for _, images in kept.values())]
    if not kept or not keys:
        return None
    columns = _one_of_each_task(board)
    rows = tuple(
        PicturedRow(
            number,
            shown[number].title,
            record.cell.seed,
            _only(images, keys).images,
            _values(record, keys, columns, results),
        )
        for number, (record, images) in kept.items()
    )
    judgements = [
        Judgement(
            column.name,
            np.stack([row.values[column.key] for row in rows]),
            column.higher_is_better,
        )
        for column in columns
    ]
    return Gallery(
        samples=_only(samples, keys),
        rows=rows,
        without=tuple(row.title for n, row in enumerate(shown) if n not in kept),
        columns=tuple(columns),
        examples=tuple(choose(judgements, len(keys))),
        tested=next(iter(kept.values()))[0].samples.test,
    )


def _samples(board: Leaderboard, results: Results) -> KeptImages | None:
    """The samples of the latest grid of the board that has some, of the data that it is about."""
    for stored in _grids(board, results):
        place = f"{places.GRIDS}/{stored.id}"
        try:
            found = read_samples(results, stored)
        except DamagedError as error:
            _note(results, place, error)
            continue
        if found is not None:
            return found
    return None


def _grids(board: Leaderboard, results: Results) -> Iterator[StoredGrid]:
    for of_setting in results.grids_by_setting().values():
        latest = of_setting[0]
        if latest.grid == board.grid:
            for stored in of_setting:
                if stored.provenance.split == latest.provenance.split:
                    yield stored


def _first_kept(records: tuple[Record, ...], results: Results) -> tuple[Record, KeptImages] | None:
    for record in records:
        try:
            images = read_predictions(results, record)
        except DamagedError as error:
            _note(results, places.of_cell(record.cell), error)
            continue
        if images is not None:
            return record, images
    return None


def _one_of_each_task(board: Leaderboard) -> list[Column]:
    """The first metric of each task that has a value of each image."""
    columns = [column for column in board.columns if column.is_score and not column.is_pooled]
    return list({column.task: column for column in reversed(columns)}.values())[::-1]


def _values(
    record: Record, keys: list[str], columns: list[Column], results: Results
) -> dict[str, Values]:
    values = {column.key: np.full(len(keys), np.nan) for column in columns}
    try:
        if results.has_values(record.cell.id):
            table = results.scores(record.cell.id, places.VALUES).set_index("key").reindex(keys)
            for key in values.keys() & set(table):
                values[key] = table[key].to_numpy(np.float64)
    except DamagedError as error:
        _note(results, places.of_cell(record.cell), error)
    return values


def _only(images: KeptImages, keys: list[str]) -> KeptImages:
    """The images of some samples, in this order."""
    chosen = [images.keys.index(key) for key in keys]
    return KeptImages(tuple(keys), {kind: found[chosen] for kind, found in images.images.items()})


def _note(results: Results, place: str, error: DamagedError) -> None:
    reason = str(error).removeprefix(f"{results.folder / place}: ")
    results.damaged.setdefault(place, reason)
