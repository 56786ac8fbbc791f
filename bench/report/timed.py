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


def measurements_of(cell: Cell, timed: Sequence[Measurement]) -> list[Measurement]:
    """Return the measurements of a cell's network, the latest first.

    There are several where it was timed anew with the losses of a later grid: of each figure the
    latest counts, so that what does not depend on the loss is the same in all rows of a network.
    """
    network = identity.of_architecture(cell.architecture)
    of_network = [m for m in timed if identity.of_architecture(m.case.architecture) == network]
    return sorted(of_network, key=lambda measured: measured.measured_utc, reverse=True)


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
