"""The command line: reads arguments, calls the steps, prints what comes back.

Whatever computes is imported inside the commands, so that help and version answer at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import InputError

INTERRUPTED = 130  # the exit code that shells give to a program ended by Ctrl-C

app = typer.Typer(
    name="bench",
    help="Cross architectures with losses for mask and depth prediction, and compare them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data_app = typer.Typer(help="Make dataset archives.", no_args_is_help=True)
app.add_typer(data_app, name="data")


def main() -> None:
    """Run the command line; a mistake in the input is one line and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"bench: {error}", file=sys.stderr)  # noqa: T201 - plain text to standard error
        sys.exit(2)


def _version(asked: bool) -> None:  # noqa: FBT001 - the signature of an option's callback
    if asked:
        typer.echo(f"maskdepth-bench {metadata.version('maskdepth-bench')}")
        raise typer.Exit


@app.callback()
def bench(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Cross architectures with losses for mask and depth prediction, and compare them."""


@app.command()
def run(
    grid: Annotated[Path, typer.Option(help="The grid's YAML file.")],
    out: Annotated[
        Path | None, typer.Option(help="The study's folder.", show_default="results/<grid name>")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would run.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=3, help="Use so many of the samples, to try a grid out.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run failed cells once more.")
    ] = False,
) -> None:
    """Run the cells of a grid that the study does not hold yet."""
    from bench.grid import load
    from bench.run import missing_cells
    from bench.store import Store

    question = load(grid)
    name = grid.stem
    if limit is not None:
        data = question.data.model_copy(update={"limit": limit})
        question = question.model_copy(update={"data": data})
        name = f"{name}-limit-{limit}"
    store = Store(out or Path("results") / name)
    console = Console()
    if dry_run:
        from bench.report.terminal import print_plan

        print_plan(console, question, store)
        return
    from bench.device import choose
    from bench.progress import create_progress
    from bench.run import forget_failed, run

    chosen = choose(device)
    if retry_failed:
        forget_failed(question, store)
    try:
        with create_progress(console) as progress:
            run(question, store, device=chosen, progress=progress)
    except KeyboardInterrupt:
        left = len(missing_cells(question, store))
        typer.echo(f"stopped with {left} cells to go; the same command goes on from here", err=True)
        raise typer.Exit(INTERRUPTED) from None
    console.print(f"finished: see `bench report {store.folder}`", highlight=False)


@app.command()
def report(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
) -> None:
    """Print a study's leaderboard and write it to leaderboard.md in its folder."""
    from bench.report import markdown, terminal
    from bench.report.leaderboard import compare
    from bench.store import Store

    board = compare(Store(study))
    path = study / "leaderboard.md"
    path.write_text(markdown.render(study.resolve().name, board), encoding="utf-8")
    console = Console()
    terminal.print_leaderboard(console, study.resolve().name, board)
    console.print(f"written to {path}", highlight=False)


class Registry(StrEnum):
    """What can be listed."""

    architectures = "architectures"
    losses = "losses"


@app.command("list")
def list_names(
    what: Annotated[Registry, typer.Argument(help="Which registry.")],
) -> None:
    """List the registered names."""
    import architectures
    import losses

    registry = architectures if what is Registry.architectures else losses
    for name in registry.names():
        typer.echo(name)


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="An architecture, as a grid names it.")],
    option: Annotated[
        list[str] | None, typer.Option(help="One of its options, as in width=0.25; repeatable.")
    ] = None,
) -> None:
    """Examine an architecture: shapes, gradients, determinism, precision, and whether it learns."""
    from bench.check import Status, check, parse_options, print_findings

    findings = check(name, parse_options(option or []))
    print_findings(Console(), name, findings)
    if any(finding.status is Status.FAILED for finding in findings):
        raise typer.Exit(1)


@data_app.command()
def make(
    out: Annotated[Path, typer.Argument(help="The zip archive to write.")],
    backgrounds: Annotated[int, typer.Option(min=1, help="How many scenes.")] = 20,
    foregrounds: Annotated[int, typer.Option(min=1, help="How many objects.")] = 15,
    placements: Annotated[
        int, typer.Option(min=1, help="Samples of each object in each scene.")
    ] = 2,
    size: Annotated[int, typer.Option(min=32, help="Height and width in pixels.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another dataset.")] = 0,
) -> None:
    """Render a dataset: scenes with true depth, objects placed in them, nothing to download."""
    from bench.data import generator
    from bench.progress import track

    try:
        with track("rendering") as on_progress:
            generator.make(
                out,
                backgrounds=backgrounds,
                foregrounds=foregrounds,
                placements=placements,
                size=size,
                seed=seed,
                progress=on_progress,
            )
    except (OSError, ValueError) as error:
        raise InputError(str(error)) from None
    typer.echo(f"{out}: {backgrounds * foregrounds * placements} samples")
