"""What a grid needs of this machine and of its networks, looked at before anything is decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import nn

import architectures
from bench.errors import InputError, TrainingError
from bench.machine.device import check_count
from bench.machine.fork_server import ForkServer
from bench.machine.job_process import Task
from bench.machine.precision import check_precision
from bench.machine.stop import Stop
from bench.settings import Architecture
from bench.settings.cell import Cell
from bench.settings.grid import Grid
from bench.training.freezing import check_parts
from bench.training.teacher import StudentTeacher


def check_device(grid: Grid, device: torch.device, *, per_device: int | None = 1) -> None:
    """Make sure that a device of this machine can do what a grid asks of it.

    Args:
        grid: the question.
        device: on which it is to run, with the threads that torch computes with now.
        per_device: how many cells are to run side by side.

    Raises:
        InputError: it cannot.
    """
    if grid.devices_per_cell > 1 and per_device != 1:
        raise InputError(
            "--per-device: cells that take several devices each run one at a time; leave it out, "
            "or give devices_per_cell: 1"
        )
    check_count(device, grid.devices_per_cell, torch.get_num_threads())
    teacher = grid.train.teacher
    for recipe in (*grid.train.recipes(), *([teacher] if teacher else [])):
        check_precision(device, recipe.precision)


def check_freezing(cells: Iterable[Cell], server: ForkServer | None) -> None:
    """Make sure that what is to be frozen is a part of each network.

    A network that cannot be built is passed over: that is why its cells will fail.

    Args:
        cells: that are to be trained.
        server: has the networks built in processes of their own; None: they are built in this one.

    Raises:
        InputError: a network has no such part.
    """
    asked = list({repr(one): one for cell in cells for one in _asked_of(cell)}.values())
    if server is None:
        _refuse(map(_problem, asked))
        return
    stop, task = Stop(), Task(_open, _begin, _work)
    with stop.listening():
        ends = server.map(asked, task, count=1, on_message=lambda _: None, stop=stop)
        _refuse(ended.answer for _, ended in ends)


class _Freezing(NamedTuple):
    """What is to be frozen of a network.

    Attributes:
        patterns: of the names of its parts.
        judged: whether a teacher judges its masks.
    """

    architecture: Architecture
    patterns: tuple[str, ...]
    judged: bool


def _asked_of(cell: Cell) -> Iterator[_Freezing]:
    """What a cell freezes of its network and of its teacher."""
    if cell.loss is None:
        return
    teacher = cell.train.teacher
    patterns = dict.fromkeys(p for recipe in cell.train.recipes() for p in recipe.freeze)
    if patterns:
        yield _Freezing(cell.architecture, tuple(patterns), judged=teacher is not None)
    if teacher is not None and teacher.freeze:
        yield _Freezing(teacher.architecture, teacher.freeze, judged=False)


def _problem(asked: _Freezing) -> str | None:
    """Build a network and say which part it lacks."""
    architecture = asked.architecture
    try:
        network = architectures.create(architecture.name, seed=0, **architecture.options)
    except (Exception, SystemExit):  # noqa: BLE001 - whatever a network does
        return None
    model = StudentTeacher(network, nn.Identity()) if asked.judged else network
    try:
        check_parts(model, asked.patterns)
    except TrainingError as error:
        return f"{architecture.label}: {error}"
    return None


def _refuse(problems: Iterable[str | None]) -> None:
    for problem in problems:
        if problem is not None:
            raise InputError(problem)


def _open() -> None:
    """No thread of the server outlives a fork."""
    torch.set_num_threads(1)


def _begin(_shared: None) -> None:
    """There is nothing to set up."""


def _work(_shared: None, asked: _Freezing, *_: object) -> str | None:
    return _problem(asked)
