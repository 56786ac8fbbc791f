"""`bench throughput`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bench.cli.options import Device, complete_architecture, parse_options
from bench.cli.run import INTERRUPTED
from bench.errors import InputError

if TYPE_CHECKING:
    from bench.study.measurement import Measurement

VISIT_S = 1800.0  # that a network may take for one visit, compiling included


def throughput(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Architectures; the first is the reference.", autocompletion=complete_architecture
        ),
    ] = None,
    grid: Annotated[
        Path | None, typer.Option(help="Take what is not given from this grid; also end to end.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="Of every architecture, as width=0.25; repeatable.")
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(help="channels_last (as trained), float32, bf16, compiled, cuda_graph."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Common to all rows.")] = None,
    image_size: Annotated[int | None, typer.Option(min=32, max=4096, help="In pixels.")] = None,
    device: Device = "auto",
    out: Annotated[
        Path | None,
        typer.Option(help="A JSON file.", show_default="results/throughput/<time>.json"),
    ] = None,
) -> None:
    """Measure how fast architectures are and what they take, in turn and side by side."""
    if not names and grid is None:
        raise InputError("throughput: give an architecture, as in bench throughput unet, or --grid")
    if out is not None and out.exists():
        raise InputError(f"{out} exists already")
    import torch

    from bench.events import Event, TimingDone
    from bench.execution.trackers.terminal import create_progress
    from bench.machine.device import choose
    from bench.report.measurements import print_results
    from bench.throughput import rounds
    from bench.throughput.cases import cases_of, write
    from bench.throughput.sampling import FULL
    from bench.throughput.variants import chosen

    at = choose(device)
    cases = cases_of(
        names or [],
        parse_options(option or []),
        chosen(variant or [], at),
        grid=grid,
        batch_size=batch_size,
        image_size=image_size,
    )
    results: dict[str, Measurement] = {}
    console, interrupted = Console(), False
    try:
        with create_progress(console) as show:

            def listen(event: Event) -> None:
                if isinstance(event, TimingDone):
                    results[event.measurement.id] = event.measurement
                show(event)

            rounds.measure(
                cases,
                cases[0],
                FULL,
                at,
                threads=torch.get_num_threads(),
                limit_s=VISIT_S,
                listen=listen,
            )
    except KeyboardInterrupt:
        interrupted = True
    if results:
        print_results(console, list(results.values()))
        console.print(f"written to {write(list(results.values()), out)}", highlight=False)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
