"""Findings on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.check.finding import Finding, Status

STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "bold red",
    Status.WARNING: "yellow",
    Status.SKIPPED: "dim",
}


def print_findings(console: Console, name: str, findings: Sequence[Finding]) -> None:
    """A row a check, with how to fix what did not pass below what was seen."""
    table = Table(title=f"Check: {escape(name)}", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("check", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("finding", overflow="fold")
    for finding in findings:
        style = STYLES[finding.status]
        fix = f"\n[dim]fix:[/] {escape(finding.fix)}" if finding.fix else ""
        table.add_row(finding.check, f"[{style}]{finding.status}[/]", escape(finding.text) + fix)
    console.print(table)
    failed = [finding.check for finding in findings if finding.status is Status.FAILED]
    summary = f"failed: {', '.join(failed)}" if failed else "nothing failed"
    console.print(summary, markup=False, highlight=False)
