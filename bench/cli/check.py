"""`bench check`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console


def check(
    name: Annotated[str, typer.Argument(help="An architecture, as a grid names it.")],
    option: Annotated[
        list[str] | None, typer.Option(help="One of its options, as in width=0.25; repeatable.")
    ] = None,
) -> None:
    """Examine an architecture: shapes, gradients, determinism, precision, and whether it learns."""
    from bench.check import Status, check, print_findings
    from bench.cli.options import parse_options

    findings = check(name, parse_options(option or []))
    print_findings(Console(), name, findings)
    if any(finding.status is Status.FAILED for finding in findings):
        raise typer.Exit(1)
