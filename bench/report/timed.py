"""Which measurements of speed stand on a board, and beside which row."""

from __future__ import annotations

from collections.abc import Sequence

from bench.settings import identity
from bench.settings.cell import Cell
from bench.settings.grid import Grid
from bench.study.measurement import Measurement
from bench.study.plan import PlannedCell, changed_code, timing_cases
from bench.study.record import Provenance
from bench.study.results import Results


def timed_networks(
    grids: list[Grid], planned: list[PlannedCell], latest: Provenance, results: Results
) -> tuple[dict[str, tuple[Measurement, ...]], list[str]]:
    """Return what was measured of grids' networks, by machine; and what of it holds no more."""
    complete = [p.record for p in planned if p.record is not None and p.record.summary is not None]
    timed = [timing_cases(results.cells(grid), complete) for grid in grids]
    cases = {case.id for of_grid in timed for case, _ in of_grid}
    found: dict[str, list[Measurement]] = {}
    outdated = []
    for measurement in results.measurements.values():
        if measurement.case.id not in cases:
            continue
        changes = ", ".join(changed_code(measurement.sources, latest.sources))
        if changes:
            outdated.append(f"{measurement.case.label}: throughput: stale: {changes}")
        else:
            found.setdefault(measurement.environment.machine, []).append(measurement)
    return {machine: tuple(measured) for machine, measured in found.items()}, outdated


def timed_for(cell: Cell, timed: Sequence[Measurement]) -> Measurement | None:
    """Return the latest measurement of a cell's network, with its loss if there is one."""
    network = identity.of_architecture(cell.architecture)
    of_network = [m for m in timed if identity.of_architecture(m.case.architecture) == network]
    losses = {m.id: [training.loss for training in m.case.trainings] for m in of_network}
    return max(of_network, key=lambda m: (cell.loss in losses[m.id], m.measured_utc), default=None)


def most_timed(by_machine: dict[str, tuple[Measurement, ...]]) -> str:
    """Return the machine that most networks were timed on; of several, the latest."""
    return max(
        by_machine,
        key=lambda machine: (
            sum(measured.failure is None for measured in by_machine[machine]),
            max(measured.measured_utc for measured in by_machine[machine]),
        ),
        default="",
    )
