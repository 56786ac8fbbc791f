"""`bench check`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from bench.cli.options import complete_architecture, parse_options


def check(
    name: Annotated[
        str,
        typer.Argument(
            help="An architecture, as a grid names it.", autocompletion=complete_architecture
        ),
    ],
    option: Annotated[
        list[str] | None, typer.Option(help="One of its options, as in width=0.25; repeatable.")
    ] = None,
) -> None:
    """Examine an architecture: shapes, gradients, determinism, precision, and whether it learns."""
    from bench.check import Status, check, print_findings

    findings = check(name, parse_options(option or []))
    print_findings(Console(), name, findings)
    if any(finding.status is Status.FAILED for finding in findings):
        raise typer.Exit(1)
