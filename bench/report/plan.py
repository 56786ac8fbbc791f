"""A plan on the terminal: what there is to run, and what that takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.settings.cell import BASELINES, Cell
from bench.settings.grid import Grid
from bench.study.estimate import Cost, Estimate, row_of
from bench.study.plan import PlannedCell, State
from bench.text import printable

UNITS = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10}
MINUTE_S = 60


def print_plan(
    console: Console,
    grid: Grid,
    planned: Sequence[PlannedCell],
    folder: Path,
    estimate: Estimate | None = None,
) -> None:
    """Print every cell of the grid, and what the study holds of it.

    Args:
        console: where to.
        grid: the question.
        planned: its cells in the order of work.
        folder: of the study.
        estimate: of what has to run, each of which is then shown with when it ends.
    """
    table = Table(title=Text(printable(f"{len(planned)} cells, to be kept in {folder}")))
    for title in ("cell", "architecture", "loss", "seed", "state"):
        table.add_column(title, overflow="fold")
    ends = {} if estimate is None else _ends(estimate)
    if estimate is not None:
        table.add_column("ends after", justify="right")
    for one in planned:
        why = f": {one.why}" if one.why else ""
        table.add_row(
            one.cell.id,
            Text(printable(one.cell.architecture.label)),
            Text(_loss(one.cell)),
            str(one.cell.seed)
            + ("" if one.cell.trial is None else f", trial {one.cell.trial + 1}"),
            Text(printable(f"{one.state}{why}"), style="green" * (one.state is State.CURRENT)),
            *([] if estimate is None else [ends.get(one.cell.id, "")]),
        )
    console.print(table)
    states = [one.state for one in planned]
    counts = [f"{states.count(state)} {state}" for state in State if state in states]
    _print(console, ", ".join(counts))
    for line in _left_out(grid):
        _print(console, line)
    if estimate is not None:
        to_run = {cell.id for cell in estimate.cells}
        left = [one for one in planned if one.state is State.FAILED and one.cell.id not in to_run]
        if left:
            what = f"failed cells stay as they are: {len(left)}"
            _print(console, f"{what}; `bench run --retry all` runs them again")


def print_estimate(console: Console, estimate: Estimate, budget_s: float | None = None) -> None:
    """Print what the cells take that have to run, and how much of it fits into a budget.

    Args:
        console: where to.
        estimate: of the cells, one after the other.
        budget_s: seconds, or None.
    """
    table = Table(title="a cell of each row, from a probe of its first steps")
    table.add_column("architecture", overflow="fold")
    table.add_column("loss", overflow="fold")
    for title in ("to run", "time", "peak memory MiB", "kept", "checkpoint"):
        table.add_column(title, justify="right")
    rows = {row_of(cell): cell for cell in (*estimate.grid.cells(), *estimate.cells)}
    to_run = [row_of(cell) for cell in estimate.cells]
    networks = [(row, cost) for row, cost in estimate.costs.items() if rows[row].loss is not None]
    for row, cost in networks:
        table.add_row(
            Text(printable(rows[row].architecture.label)),
            Text(_loss(rows[row])),
            str(to_run.count(row)),
            *(("FAILS", "", "", "") if isinstance(cost, str) else _figures(cost)),
        )
    if networks:
        console.print(table)
    for row, cost in estimate.costs.items():
        if isinstance(cost, str):
            _print(console, f"{rows[row].architecture.label} · {_loss(rows[row])}: fails: {cost}")
    for line in (*_totals(estimate), *(_within(estimate, budget_s) if budget_s else ())):
        _print(console, line)


def _figures(cost: Cost) -> tuple[str, ...]:
    memory = "" if cost.peak_memory_mib is None else f"{cost.peak_memory_mib:.0f}"
    checkpoint = _size(cost.checkpoint_bytes) if cost.checkpoint_bytes else ""
    return duration(cost.cell_s), memory, _size(cost.kept_bytes), checkpoint


def _totals(estimate: Estimate) -> Iterator[str]:
    """In a line each: time, memory and disk of all that has to run."""
    cells, ends = estimate.cells, estimate.ends_s()
    if not cells:
        yield "nothing has to run"
        return
    trials = sum(cell.trial is not None for cell in cells)
    beside = f", {trials} of them trials of the search for recipes" if trials else ""
    yield (
        f"to run: {len(cells)} cells{beside}: {duration(ends[-1])} one after the other, before the "
        "networks are timed"
    )
    if estimate.grid.devices_per_cell > 1:
        yield (
            f"probed on one device: on {estimate.grid.devices_per_cell} a cell takes less memory "
            "of each, and another time: its steps are shorter, and a process for each has to start"
        )
    if estimate.teacher_s:
        yield f"of that the teacher of each seed: {duration(estimate.teacher_s)}"
    peaks = [cost.peak_memory_mib for cell in cells if (cost := estimate.cost_of(cell))]
    peak = max((mib for mib in peaks if mib is not None), default=None)
    if peak is not None:
        yield f"memory of training: up to {peak:.0f} MiB beyond the data and the libraries"
    yield (
        f"disk: {_size(estimate.kept_bytes())} to keep, and up to "
        f"{_size(estimate.checkpoint_bytes())} for checkpoints meanwhile"
    )
    if failing := sum(estimate.cost_of(cell) is None for cell in cells):
        yield f"{failing} cells fail as their probes did; they count for nothing here"


def _within(estimate: Estimate, budget_s: float) -> Iterator[str]:
    """In a line each: which cells a budget of time is enough for, and how many seeds."""
    cells, count = estimate.cells, estimate.fitting(budget_s)
    if cells:
        last = f", the last of them {cells[count - 1].label}" if 0 < count < len(cells) else ""
        yield f"within {duration(budget_s)}: {count} of {len(cells)} cells{last}"
    seeds = estimate.seeds_within(budget_s)
    fit = "seed of the whole grid fits" if seeds == 1 else "seeds of the whole grid fit"
    yield f"begun anew, {seeds} {fit} into {duration(budget_s)}"


def _left_out(grid: Grid) -> Iterator[str]:
    """In a line each: the trivial baselines that the grid cannot have, and why."""
    why = {
        "mask": "no loss is about masks",
        "depth": "no loss is about depth",
        "background": "no network sees the background",
    }
    for name, kinds in BASELINES.items():
        if lacking := sorted(kinds - grid.kinds()):
            yield f"left out: {name} (baseline): {' and '.join(why[kind] for kind in lacking)}"


def _ends(estimate: Estimate) -> dict[str, str]:
    ends = zip(estimate.cells, estimate.ends_s(), strict=True)
    return {cell.id: duration(end) if estimate.cost_of(cell) else "fails" for cell, end in ends}


def duration(seconds: float) -> str:
    """Return a duration in words: ``7.4 s``, or in hours, minutes and seconds ``0:12:30``."""
    if round(seconds, 1) < MINUTE_S:
        return f"{seconds:.1f} s"
    return str(timedelta(seconds=round(seconds)))


def _size(count: float) -> str:
    for unit, size in UNITS.items():
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"


def _loss(cell: Cell) -> str:
    return printable(cell.loss.label) if cell.loss else "(baseline)"


def _print(console: Console, line: str) -> None:
    """A line as it is, whatever a user's names in it look like."""
    console.print(Text(printable(line)))
