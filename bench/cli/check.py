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
            help="An architecture, a loss or a metric, as a grid names it.",
            autocompletion=complete_architecture,
        ),
    ],
    option: Annotated[
        list[str] | None, typer.Option(help="One of its options, as in width=0.25; repeatable.")
    ] = None,
) -> None:
    """Examine a network, a loss or a metric: a built-in one, or `path/to/file.py:name`.

    Of a network: shapes, gradients, determinism, precision, and whether it learns. Of a loss:
    values, gradients, a perfect prediction, pixels that do not count. Of a metric: the columns that
    it reads, its range, a perfect prediction.
    """
    from bench.check import Status, check, check_loss, check_metric, kind_of, print_findings
    from bench.errors import InputError

    options = parse_options(option or [])
    match kind_of(name):
        case "architecture":
            findings = check(name, options)
        case "loss":
            findings = check_loss(name, options)
        case "metric":
            if options:
                raise InputError(f"--option: {name} is a metric, which takes none")
            findings = check_metric(name)
    print_findings(Console(), name, findings)
    if any(finding.status is Status.FAILED for finding in findings):
        raise typer.Exit(1)
