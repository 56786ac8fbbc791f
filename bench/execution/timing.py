"""The speed of a grid's networks, measured when all cells are trained."""

from __future__ import annotations

import torch

from bench.events import Event, Listener, TimingDone
from bench.execution.context import RunContext
from bench.machine.memory import give_back_freed_memory
from bench.settings import identity
from bench.settings.grid import Grid
from bench.study.measurement import measurement_id
from bench.study.plan import changed_code, timing_cases
from bench.study.record import Environment
from bench.study.study import Study
from bench.study.timing_case import TimingCase
from bench.throughput import rounds
from bench.throughput.sampling import QUICK

LEAST_VISIT_S = 120.0  # that a network may take to be timed, however short its cells have to be


def timing_claim(environment: Environment) -> str:
    """Return the claim of whoever times networks on a machine: two would disturb each other."""
    return f"throughput-{identity.digest(environment.machine)}"


def measure_throughput(
    grid: Grid,
    study: Study,
    context: RunContext,
    listen: Listener,
    *,
    retry: bool = False,
) -> None:
    """Time the grid's networks that the study has no figures of on this machine, of this code.

    Args:
        grid: whose networks.
        study: where figures are kept.
        context: of this process.
        listen: told what is measured.
        retry: whether to measure once more what failed or is withheld.
    """
    results = study.load_or_empty()
    complete = [record for record in results.records.values() if record.summary is not None]
    timed = timing_cases(results.cells(grid), complete)
    cases = [case for case, _ in timed]
    sources = {case.id: context.inventory.of_all(cells).sources for case, cells in timed}

    def is_measured(case: TimingCase) -> bool:
        measured = results.measurements.get(measurement_id(case, context.environment))
        if measured is None or not measured.is_complete:
            return False
        withheld = any(timing.withheld for timing in measured.timings.values())
        if retry and (measured.failure is not None or withheld):
            return False
        return not any(changed_code(measured.sources, sources[case.id]))

    missing = [case for case in cases if not is_measured(case)]
    if not missing:
        return
    give_back_freed_memory()  # for the processes that measure
    if context.device.type == "cuda":
        torch.cuda.empty_cache()

    def keep(event: Event) -> None:
        if isinstance(event, TimingDone):
            found = event.measurement
            found = found.model_copy(update={"sources": sources[found.case.id]})
            study.write_measurement(found)
            event = TimingDone(found)
        listen(event)

    rounds.measure(
        missing,
        cases[0],
        QUICK,
        context.device,
        threads=context.environment.threads,
        limit_s=None if grid.limits.seconds is None else max(grid.limits.seconds, LEAST_VISIT_S),
        listen=keep,
    )
