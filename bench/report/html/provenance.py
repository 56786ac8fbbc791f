"""Where each figure of a board comes from, and the command that makes it again."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass

from bench.report.leaderboard import Leaderboard
from bench.report.setting import machine
from bench.settings import yaml_text
from bench.study.record import Record

DIGITS = 12  # of a digest that are shown of a cell


@dataclass(frozen=True)
class Origin:
    """A cell: what it was trained and scored with, and how it is made again."""

    cell: str
    name: str
    seed: int
    outcome: str
    data: str
    split: str
    machine: str
    finished: str
    command: str


@dataclass(frozen=True)
class Code:
    """A file of code, and how many cells were made with it."""

    purpose: str
    path: str
    digest: str
    cells: int


def origins(board: Leaderboard, study: str) -> list[Origin]:
    """Return where the figures of each cell come from, in the grid's order."""
    return [_origin(record, study) for record in board.records]


def _origin(record: Record, study: str) -> Origin:
    cell = record.cell
    again = f"bench verify {shlex.quote(study)} --retrain {cell.id}"
    return Origin(
        cell=cell.id,
        name=", ".join([cell.architecture.label, *([cell.loss.label] if cell.loss else [])]),
        seed=cell.seed,
        outcome="complete" if record.failure is None else f"failed: {record.failure}",
        data=(record.provenance.data or "not kept")[:DIGITS],
        split=record.provenance.split[:DIGITS],
        machine=machine(record.environment),
        finished=f"{record.finished_utc:%Y-%m-%d %H:%M} UTC",
        command=again if cell.loss is not None else "",
    )


def code(board: Leaderboard) -> list[Code]:
    """Return each file of code and of weights behind the board."""
    files = Counter(
        (purpose, path, digest)
        for record in board.records
        for purpose, found in record.provenance.sources.items()
        for path, digest in found.items()
    )
    files += Counter(
        ("weights", purpose, digest)
        for record in board.records
        for purpose, digest in record.provenance.weights.items()
    )
    return [Code(*file, cells) for file, cells in sorted(files.items())]


def grid_file(board: Leaderboard) -> str:
    """Return the grid as a file that `bench run --grid` reads, every default spelled out."""
    return yaml_text.write(board.grid.model_dump(mode="json"))
