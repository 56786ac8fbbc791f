"""`bench verify`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import Device
from bench.events import Event, Remark

if TYPE_CHECKING:
    import torch

    from bench.study.record import Record
    from bench.study.results import Results


def verify(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    retrain: Annotated[
        str | None,
        typer.Option(metavar="CELL|random", help="Train this cell again, and compare."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides which cell random is.")] = 0,
    device: Device = "auto",
) -> None:
    """Check that a study's figures follow from its scores, and that nothing was changed."""
    from bench.execution.verify import choose_cell, verify
    from bench.machine.device import choose
    from bench.study.study import Study

    results = Study(study).load()
    again = None if retrain is None else (choose_cell(results, retrain, seed), choose(device))
    problems = [*verify(results), *_problems_of_leaderboard(results)]
    for problem in problems:
        typer.echo(problem)
    wrong = len(problems)
    trials = f", {len(results.trials)} trials" if results.trials else ""
    typer.echo(
        f"{len(results.records)} cells{trials} and {len(results.measurements)} measurements: "
        + ("all in order" if not wrong else f"{wrong} disagree with what was written")
    )
    if again is not None and not _agrees_again(results, *again):
        wrong += 1
    if wrong:
        raise typer.Exit(1)


def _problems_of_leaderboard(results: Results) -> list[str]:
    from bench.report import markdown
    from bench.report.leaderboard import leaderboards

    path = results.folder / "leaderboard.md"
    if not path.is_file() or not results.grids:
        return []
    text = markdown.render("", leaderboards(results), results.damaged)
    if _below_title(path.read_bytes()) == _below_title(text.encode()):
        return []
    return ["leaderboard.md: is not what the records give; `bench report` writes it anew"]


def _below_title(text: bytes) -> bytes:
    """A leaderboard but for the study's name, which is its folder's."""
    return text.partition(b"\n")[2]


def _agrees_again(results: Results, record: Record, device: torch.device) -> bool:
    """Train one cell again on the given device and say how near its figures are."""
    import torch
    from pydantic import ValidationError

    from bench.errors import InputError
    from bench.execution.cell import Job, run_cell
    from bench.execution.context import open_context
    from bench.execution.verify import compare_again
    from bench.machine.device import check_count
    from bench.machine.rank_processes import RankDiedError
    from bench.settings.grid import Grid
    from bench.study.plan import changed

    cell = record.cell
    try:
        grid = Grid(
            architectures=(cell.architecture,),
            losses=(cell.loss,),
            seeds=(cell.seed,),
            data=cell.data,
            train=cell.train,
            devices_per_cell=cell.devices,
        )
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise InputError(f"--retrain: {cell.label} ({cell.id}): {reason}") from None
    if device.type == "cpu":
        torch.set_num_threads(record.environment.threads)
    check_count(device, cell.devices, torch.get_num_threads())
    with TemporaryDirectory() as folder:
        context = open_context(grid, device, Path(folder), listen=_echo_remark)
        changes = ", ".join(changed(record.provenance, context.inventory.of(cell)))
        if changes:
            typer.echo(f"{cell.label} ({cell.id}): cannot be compared: {changes}")
            return False
        typer.echo(f"training {cell.label} ({cell.id}) again")
        try:
            again = run_cell(Job(cell, like=record), context)
        except RankDiedError as error:
            typer.echo(f"{cell.label} ({cell.id}): {error.why}")
            return False
    verdict = compare_again(record, again, results)
    typer.echo(f"{cell.label} ({cell.id}): {verdict.reason}")
    return verdict.agrees


def _echo_remark(event: Event) -> None:
    if isinstance(event, Remark):
        typer.echo(event.text)
