"""What is known so far, as one table and one JSON file."""

import io
import json
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench.files import write_atomically
from tests.figures import Figure

DONE = "done"
SKIPPED = "skipped: it needs a CUDA device"
WIDTH = 170  # of the table


class Finding(NamedTuple):
    """What became of a step.

    Attributes:
        step: its name.
        outcome: `DONE`, or why not.
        took_s: seconds.
        figures: that it has kept.
    """

    step: str
    outcome: str
    took_s: float
    figures: list[Figure]

    @property
    def holds(self):
        return self.outcome in {DONE, SKIPPED} and all(figure.holds for figure in self.figures)

    def as_dict(self):
        figures = [figure._asdict() | {"holds": figure.holds} for figure in self.figures]
        return self._asdict() | {"figures": figures}


def read_figures(path):
    """What a step has kept so far; a line that it was stopped at does not count."""
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [Figure(**json.loads(line)) for line in whole.splitlines()]


def write(out, findings):
    """Write both files; return the table."""
    told = out / "machine.json"
    machine = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
    content = {"machine": machine, "steps": [finding.as_dict() for finding in findings]}
    write_atomically(out / "results.json", json.dumps(content, indent=2).encode())
    text = table(machine.get("device_name", "an unknown device"), findings)
    write_atomically(out / "table.txt", text.encode())
    return text


def table(device_name, findings):
    """One row a step, and below it one a figure, as text."""
    rows = Table(title=f"measured on {device_name}")
    for heading in ("what", "figure", "asked", "", "of which"):
        rows.add_column(heading, justify="right" if heading == "figure" else "left")
    for finding in findings:
        mark = {DONE: "✓", SKIPPED: ""}.get(finding.outcome, "✗")
        rows.add_row(finding.step, f"{finding.took_s:.0f} s", "", mark, finding.outcome)
        for figure in finding.figures:
            mark = ("✓" if figure.holds else "✗") if figure.bounds else ""
            value = f"{figure.value:.4g}"
            rows.add_row(f"  {figure.what}", value, figure.bounds, mark, figure.remark)
    console = Console(width=WIDTH, file=io.StringIO())
    console.print(rows, markup=False)
    return console.file.getvalue()
