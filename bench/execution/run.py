"""Where the steps meet: from a grid to a study on disk."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from functools import partial

import torch

from bench.data.leakage import find_leakage
from bench.data.split_by_group import missed_by_groups
from bench.events import Listener, Listeners, Remark, silent
from bench.execution.context import RunContext, open_context, open_inventory
from bench.execution.grid_run import LOOK_S, GridRun, Means, Precedents
from bench.execution.kept_predictions import samples_to_keep
from bench.execution.launchers.contract import AT_ONCE, Cluster, Launcher
from bench.execution.launchers.inline import Inline
from bench.execution.launchers.processes import Processes
from bench.execution.race import GridRace, enter_race, run_race
from bench.execution.requirements import check_device, check_freezing
from bench.execution.rescoring import update_metrics
from bench.execution.shared_teacher import TEACHER
from bench.execution.threads import computing_with, threads_for
from bench.execution.timing import measure_throughput, timing_claim
from bench.execution.trackers.claimed import ClaimedProgress
from bench.execution.tuning import check_installed, tune
from bench.machine.fork_server import ForkServer
from bench.machine.stop import Stop
from bench.settings.cell import Cell
from bench.settings.grid import Grid
from bench.study import places
from bench.study.claims import Claims
from bench.study.plan import PlannedCell, State, in_order_of_work, plan
from bench.study.record import FailureKind, Leakage
from bench.study.results import Results
from bench.study.study import Study


def look_ahead(
    grid: Grid, study: Study, *, race: bool = False, listen: Listener = silent
) -> list[PlannedCell]:
    """Return every cell of a grid and what the study holds of it; nothing is decoded or written.

    They are in the order of work, the trials of a tuned grid first. Of a race, there are the cells
    up to its next look.

    Args:
        grid: the question.
        study: where the answers are kept.
        race: whether it is run as a race.
        listen: told what the data is.

    Raises:
        InputError: the data is at fault, the study is of an earlier format, or a race could decide
            nothing.
    """
    results = study.load_or_empty()
    inventory = open_inventory(grid, listen)
    trials = plan(grid.trials(), results, inventory.of)
    planned = plan(results.cells(grid), results, inventory.of)
    if race:
        due = {p.cell.id for p in planned if has_to_run(p)}
        leakage = next((one.leakage for one in results.grids if one.grid.data == grid.data), None)
        asked = enter_race(grid).standing(planned, due, results, leakage).asked
        planned = [one for one in planned if one.cell.id in asked]
    return in_order_of_work(trials + planned)


def has_to_run(
    planned: PlannedCell, *, retry: Collection[FailureKind] = (), keep_stale: bool = False
) -> bool:
    """Return whether a run has to do something about a cell.

    Args:
        planned: the cell, and what the study holds of it.
        retry: the kinds of failures after which a cell is run again; after being killed it always
            is.
        keep_stale: whether what is stale is left as it is.
    """
    if planned.state is State.FAILED and planned.record is not None:
        return planned.record.failure_kind in {FailureKind.KILLED, *retry}
    if planned.state is State.STALE:
        return not keep_stale
    return planned.state in {State.MISSING, State.DAMAGED}


def run(
    grid: Grid,
    study: Study,
    *,
    device: torch.device,
    listen: Listener = silent,
    server: ForkServer | None = None,
    cluster: Cluster | None = None,
    per_device: int | None = 1,
    threads: int | None = None,
    race: bool = False,
    throughput: bool = True,
    retry: Collection[FailureKind] = (),
    keep_stale: bool = False,
    check_cache: bool = False,
) -> None:
    """Run every cell of the grid that the study lacks, then time the networks that it lacks.

    A tuned grid's recipes are found first. A cell that fails is recorded with its reason, and the
    rest goes on.

    Args:
        grid: the question.
        study: where the answers are kept.
        device: where to compute.
        listen: told how far the run is; dropped if it raises.
        server: starts a process for each cell, and is ended when the last one is; None: cells run
            in this process, where whatever one leaves behind reaches the next.
        cluster: in place of a server, other machines to run cells on, as many at a time as they
            have room for; there is nothing to time then.
        per_device: how many cells run side by side; None finds out by the memory that the first one
            takes (on the CPU it is 1).
        threads: of the CPU, that each cell computes with; by default as many as the study's other
            cells, or as torch finds.
        race: whether rows that are surely not the best by the grid's first metric get no more
            seeds, see `bench.study.race`.
        throughput: whether to time the networks when all are trained.
        retry: the kinds of failures after which cells are run once more; with any, failed and
            withheld timings are too.
        keep_stale: whether to leave cells as they are whose data, weights or code have changed.
        check_cache: whether to compare decoded images with their checksums to the last byte.

    Raises:
        InputError: the data, a metric or a file of weights is at fault, what finds recipes is not
            installed, a race could decide nothing, or there are fewer devices than a cell takes;
            nothing is written.
    """
    claims = Claims(study.folder / places.CLAIMS)
    listen = Listeners(listen, ClaimedProgress(claims))
    results = study.load_or_empty()
    if grid.tune is not None:
        check_installed()
    rules = enter_race(grid) if race else None
    stop = Stop()
    with ExitStack() as stack:
        if server is not None:
            stack.callback(server.end)
        stack.enter_context(stop.listening())
        stack.callback(claims.give_all_back)
        by_default = None if cluster is None else cluster.cpus
        stack.enter_context(computing_with(threads_for(results, threads, by_default)))
        if cluster is None:
            check_device(grid, device, per_device=per_device)
        check_freezing((c for c in results.cells(grid) if results.record_of(c) is None), server)
        # In full: a cell may go to another folder.
        folder = study.folder.absolute() / places.CHECKPOINTS
        context = open_context(grid, device, folder, check_cache=check_cache, listen=listen)
        dataset = context.loader.dataset
        leakage = find_leakage(dataset, context.split)
        missed = missed_by_groups(dataset.samples, grid.data.split, context.split)
        for remark in (*missed, *leakage.remarks):
            listen(Remark(remark))
        study.clear_up()
        claims.others()
        provenance = context.inventory.of_all(grid.cells())
        study.write_grid(
            grid,
            provenance,
            {metric.name: metric.contract for metric in context.metrics},
            leakage.shares,
            None if rules is None else rules.race,
            samples=samples_to_keep(context, provenance, results),
        )
        launch = _launcher(grid, context, listen, stop, server=server, cluster=cluster)
        means = Means(study, context, launch, listen, claims, stop)
        _run_cells(
            grid,
            results,
            means,
            rules=rules,
            leakage=leakage.shares,
            per_device=per_device if cluster is None else AT_ONCE,
            retry=retry,
            keep_stale=keep_stale,
        )
        if not claims.others():
            for place in folder.glob(f"{TEACHER}-*"):
                study.forget_checkpoint(place.name)
        if server is not None:
            server.end()
        if throughput and cluster is None:
            while not claims.take(timing_claim(context.environment)):
                time.sleep(LOOK_S)
            measure_throughput(grid, study, context, listen, retry=bool(retry))


def _launcher(
    grid: Grid,
    context: RunContext,
    listen: Listener,
    stop: Stop,
    *,
    server: ForkServer | None,
    cluster: Cluster | None,
) -> Launcher:
    if cluster is not None:
        return cluster.launcher(grid, context, listen, stop)
    if server is not None:
        return Processes(server, grid, context, listen, stop)
    return Inline(context, listen, stop)


def _run_cells(
    grid: Grid,
    results: Results,
    means: Means,
    *,
    rules: GridRace | None,
    leakage: Leakage,
    per_device: int | None,
    retry: Collection[FailureKind],
    keep_stale: bool,
) -> None:
    """Find the recipes of a tuned grid, and run every cell that has to run."""
    study, context, listen = means.study, means.context, means.listen
    is_due = partial(has_to_run, retry=retry, keep_stale=keep_stale)
    trials = plan(grid.trials(), results, context.inventory.of)
    _say_what_does_not_hold(trials, listen, keep_stale=keep_stale)
    tried = tune(
        trials,
        results,
        means,
        is_due=is_due,
        per_device=per_device,
        cells_after=len(list(grid.cells() if rules is None else rules.first_cells())),
    )
    if tried:
        results = study.load_or_empty()
    cells = list(results.cells(grid))
    planned = plan(cells, results, context.inventory.of)
    _say_what_does_not_hold(planned, listen, keep_stale=keep_stale)
    to_run = {one.cell.id for one in planned if is_due(one)}
    current = [one.record for one in planned if one.state is State.CURRENT and one.record]
    to_keep = [record for cell_id, record in results.records.items() if cell_id not in to_run]
    damaged = update_metrics(to_keep, results, means)
    to_run |= damaged & {cell.id for cell in cells}
    precedents = Precedents(current)

    def work(cells: Sequence[Cell], to_run: set[str]) -> None:
        GridRun(cells, to_run, results, precedents, means, before=tried).run(per_device)

    if rules is None:
        work(cells, to_run)
    else:
        run_race(
            rules,
            cells,
            to_run,
            study=study,
            inventory=context.inventory,
            leakage=leakage,
            work=work,
            listen=listen,
        )


def _say_what_does_not_hold(
    planned: Sequence[PlannedCell], listen: Listener, *, keep_stale: bool
) -> None:
    for one in planned:
        if one.state is State.DAMAGED:
            listen(Remark(f"damaged: {one.why}; running it again", one.cell.label))
        elif one.state is State.STALE:
            what = "kept" if keep_stale else "running it again"
            listen(Remark(f"stale: {one.why}; {what}", one.cell.label))
