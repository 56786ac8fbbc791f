"""What is left to do: every cell of a grid, and whether the study's record of it still holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bench.settings import LossPair, identity
from bench.settings.cell import Cell
from bench.settings.grid import Grid
from bench.study import places
from bench.study.record import Provenance, Record
from bench.study.results import Results
from bench.study.timing_case import TimedTraining, TimingCase, training_figure

Sources = dict[str, dict[str, str]]


class State(StrEnum):
    """What a study holds of a cell."""

    CURRENT = "current"
    STALE = "stale"
    FAILED = "failed"
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True)
class PlannedCell:
    """A cell, what the study holds of it, and why that is so.

    Attributes:
        record: what there is of a current, stale or failed cell.
    """

    cell: Cell
    state: State
    why: str = ""
    record: Record | None = None


def plan(
    cells: Iterable[Cell], results: Results, present: Callable[[Cell], Provenance]
) -> list[PlannedCell]:
    """Compare what a study holds of some cells with what their settings lead to at present."""
    return [_planned(cell, results, present(cell)) for cell in cells]


def in_order_of_work(planned: Iterable[PlannedCell]) -> list[PlannedCell]:
    """Return cells as a run takes them: of trials one of each row at a time, then the others."""
    return sorted(
        planned, key=lambda one: math.inf if one.cell.trial is None else float(one.cell.trial)
    )


def _planned(cell: Cell, results: Results, present: Provenance) -> PlannedCell:
    damage = results.damaged.get(places.of_cell(cell))
    if damage is not None:
        return PlannedCell(cell, State.DAMAGED, damage)
    record = results.record_of(cell)
    if record is None:
        return PlannedCell(cell, State.MISSING)
    changes = ", ".join(changed(record.provenance, present))
    if changes:
        return PlannedCell(cell, State.STALE, changes, record)
    if record.failure is not None:
        return PlannedCell(cell, State.FAILED, record.failure, record)
    return PlannedCell(cell, State.CURRENT, record=record)


def recorded_plan(grid: Grid, latest: Provenance, results: Results) -> list[PlannedCell]:
    """Compare what a study holds of a grid's cells with what there was when it was run last.

    No code and no data is looked at.

    Args:
        grid: the question.
        latest: what there was behind the cells of all grids with the same setting.
        results: the study.
    """

    def present(cell: Cell) -> Provenance:
        record = results.records.get(cell.id)
        if record is None or not (record.provenance.sources or cell.loss is None):
            return latest
        return known_to(record.provenance, latest)

    return plan(results.cells(grid), results, present)


def known_to(recorded: Provenance, present: Provenance) -> Provenance:
    """Return what there is now of the weights and the code that a record names."""
    weights = present.weights.keys() & recorded.weights.keys()
    sources = present.sources.keys() & recorded.sources.keys()
    return present.model_copy(
        update={
            "weights": {what: present.weights[what] for what in weights},
            "sources": {what: present.sources[what] for what in sources},
        }
    )


def changed_code(recorded: Sources, present: Sources) -> Iterator[str]:
    """Say which code is not what it was, of what both know; nothing if nothing was recorded."""
    for what in recorded.keys() & present.keys():
        yield from _changed_files(recorded[what], present[what])


def changed(recorded: Provenance, present: Provenance) -> Iterator[str]:
    """Say what a record was made with that is not what there is now, one thing at a time."""
    if recorded.data != present.data:
        yield "its data was not recorded" if recorded.data is None else "the data changed"
    elif recorded.split != present.split:
        yield "the split changed"
    for what, digest in present.weights.items():
        if recorded.weights.get(what) != digest:
            yield f"the weights of {what} changed"
    if present.sources and not recorded.sources:
        yield "its code was not recorded"
        return
    for what, files in present.sources.items():
        if what in recorded.sources:
            yield from _changed_files(recorded.sources[what], files)
        else:
            yield f"the code of {what} was not recorded"


def _changed_files(before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    for file in sorted(before.keys() | after.keys()):
        if file not in before:
            yield f"{file} is new"
        elif file not in after:
            yield f"{file} is not used any more"
        elif before[file] != after[file]:
            yield f"{file} changed"


def timing_cases(
    cells: Iterable[Cell], records: Iterable[Record]
) -> list[tuple[TimingCase, list[Cell]]]:
    """Return each network of some cells that has figures, to be timed as it was trained.

    Args:
        cells: of a grid.
        records: of complete cells; a loss that a network has none with is left out.

    Returns:
        Each with the cells that it is taken from, one a loss.
    """
    by_id = {record.cell.id: record for record in records}
    networks: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        if cell.loss is not None and cell.id in by_id:
            network = identity.digest(identity.of_architecture(cell.architecture))
            networks.setdefault(network, {}).setdefault(training_figure(cell.loss), cell)
    return [
        (_timing_case(list(losses.values()), by_id), list(losses.values()))
        for losses in networks.values()
    ]


def _timing_case(cells: list[Cell], records: dict[str, Record]) -> TimingCase:
    """The network of some cells, which have a loss each."""
    train = cells[0].train
    return TimingCase(
        architecture=cells[0].architecture,
        trainings=tuple(
            _as_trained(cell.loss, records[cell.id]) for cell in cells if cell.loss is not None
        ),
        recipe=train.recipes()[-1],
        image_size=cells[0].data.image_size,
        teacher=train.teacher.architecture if train.teacher else None,
    )


def _as_trained(loss: LossPair, record: Record) -> TimedTraining:
    """A training as its last stage was carried out."""
    executions = record.training.executions if record.training else ()
    last = executions[-1].model_dump() if executions else {}
    how = {name: last[name] for name in TimedTraining.model_fields.keys() & last.keys()}
    return TimedTraining(loss=loss, **how)
