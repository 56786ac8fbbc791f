"""`bench plan`."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.cli.asked_grid import (
    GridFile,
    GridOption,
    Overrides,
    StudyFolder,
    Yes,
    read_asked,
    require_consent,
)
from bench.cli.options import Device
from bench.errors import InputError
from bench.text import shortened

MAX_TEXT = 40  # characters of a mistake that are repeated
SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


def plan(
    file: GridFile = None,
    overrides: Overrides = None,
    grid: GridOption = None,
    out: StudyFolder = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="What fits into it, as in 30m, 2h or 1d12h.")
    ] = None,
    device: Device = "auto",
    yes: Yes = False,
) -> None:
    """Say what a grid has still to run, and from a short probe what that takes.

    Time, memory and disk of each architecture with each loss come from its first 20 steps. A
    network that fails in them is a line of its own. The study is only read.
    """
    budget_s = None if budget is None else parse_duration("--budget", budget)
    from bench.execution.launchers import start_server
    from bench.study.study import Study

    server = start_server()  # before this process loads torch, which both can do at the same time
    try:
        question, name = read_asked(file, overrides, grid)
        rows = len(question.architectures) * len(question.losses)
        require_consent(rows, "networks and losses are to be probed", yes=yes)
        server.preload(question)
        from bench.execution.estimating import estimate
        from bench.execution.run import look_ahead
        from bench.execution.trackers.terminal import track
        from bench.machine.device import choose
        from bench.report.plan import print_estimate, print_plan

        study = Study(out or Path("results") / name)
        planned = look_ahead(question, study)
        with track("decoding, then probing") as on_progress:
            found = estimate(
                question,
                planned,
                study,
                device=choose(device),
                server=server,
                every_row=budget_s is not None,
                on_progress=on_progress,
            )
    finally:
        server.end()
    console = Console()
    print_plan(console, question, planned, study.folder, found)
    print_estimate(console, found, budget_s)


def parse_duration(option: str, text: str) -> float:
    """Return the seconds that ``30m``, ``2h`` or ``1h30m`` are.

    Args:
        option: whose value it is, for the message.
        text: numbers with the units d, h, m and s, each at most once and the largest first.

    Raises:
        InputError: it is nothing of the kind, or no time at all.
    """
    pattern = "".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in SECONDS)
    found = re.fullmatch(pattern, text.strip(), re.ASCII)
    numbers = [] if found is None else found.groups(default="0")
    seconds = sum(float(n) * unit for n, unit in zip(numbers, SECONDS.values(), strict=False))
    if not 0 < seconds < math.inf:
        what = repr(shortened(text, MAX_TEXT))
        raise InputError(f"{option}: {what} is no time; give one such as 30m, 2h, 1h30m or 1d")
    return seconds
