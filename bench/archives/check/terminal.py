"""An inspection on the terminal."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.archives.check.finding import Finding, Severity
from bench.archives.check.images import State
from bench.archives.check.run import Inspection
from bench.data.layouts import KINDS, Manifest
from bench.data.leakage import WORTH_SAYING, expected_share
from bench.data.split import SUBSETS

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
SHOWN = 10  # keys a finding
COMMON = 3  # sizes and modes a kind


def print_inspection(console: Console, inspection: Inspection, *, layout_given: bool) -> None:
    """Two tables: what was found, a row a kind; what is wrong, a row a kind of finding."""
    for layout in inspection.layouts:
        samples = inspection.table[inspection.table["archive"] == layout.entries.paths]
        console.print(_found(layout, samples))
        for line in (*_how_read(layout, layout_given=layout_given), *layout.remarks):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if inspection.findings:
        console.print(_wrong(inspection.findings))
    console.print(_summary(inspection.findings), markup=False, highlight=False)


def _how_read(layout: Manifest, *, layout_given: bool) -> list[str]:
    chosen = "as asked for" if layout_given else "by the names of its entries"
    tasks = [kind for kind in ("mask", "depth") if kind in layout.kinds()]
    coding = layout.depth_coding
    read = f"depth 0 to {coding.maximum} {coding.unit or ''}".rstrip() + f", near: {coding.near}"
    read += "" if coding.invalid is None else f", {coding.invalid} is no reading"
    lines = [
        f"layout: {layout.name}, {chosen}",
        f"{len(layout.samples)} samples; tasks: {', '.join(tasks) or 'none'}",
    ]
    lines += [read] if "depth" in tasks else []
    return lines + _shared_backgrounds(layout.samples["background"])


def _shared_backgrounds(backgrounds: pd.Series[str]) -> list[str]:
    partners = (backgrounds.groupby(backgrounds).transform("size") - 1).where(backgrounds != "", 0)
    share = expected_share(partners.to_numpy())
    if share < WORTH_SAYING:
        return []
    told = f"a split by sample, the default, trains on the backgrounds of {share:.0%} of the test "
    can_be_split = backgrounds.nunique() >= len(SUBSETS)
    advice = "; data: {split: {by: background}} tests on new ones" if can_be_split else ""
    return [f"{told}samples{advice}"]


def _found(layout: Manifest, samples: pd.DataFrame) -> Table:
    table = Table(
        title=escape(f"Found: {layout.entries.paths}"),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("kind", no_wrap=True)
    table.add_column("images", justify="right", no_wrap=True)
    table.add_column("height x width", overflow="fold")
    table.add_column("mode", overflow="fold")
    for kind in KINDS:
        there = samples[samples[f"{kind}_state"] != State.MISSING]
        if kind == "unknown" and there.empty:
            continue  # few archives have an ignore region
        if kind == "background":
            there = there.drop_duplicates("background_entry")
        known = there[there[f"{kind}_width"] > 0]
        sizes = known[f"{kind}_height"].astype(str) + " x " + known[f"{kind}_width"].astype(str)
        table.add_row(kind, str(len(there)), _commonest(sizes), _commonest(known[f"{kind}_mode"]))
    return table


def _commonest(values: pd.Series[str]) -> str:
    """``224 x 224`` if all are alike, else ``224 x 224 (90), 100 x 100 (10)``."""
    counts = values.value_counts()
    if len(counts) <= 1:
        return "".join(counts.index)
    shown = [f"{value} ({count})" for value, count in counts.head(COMMON).items()]
    rest = len(counts) - COMMON
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def _wrong(findings: tuple[Finding, ...]) -> Table:
    table = Table(title="Wrong, or worth a look", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("severity", no_wrap=True)
    table.add_column("finding", overflow="fold")
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("which, and what to do", overflow="fold")
    for finding in findings:
        style = STYLES[finding.severity]
        rest = len(finding.subjects) - SHOWN
        which = ", ".join(finding.subjects[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
        table.add_row(
            f"[{style}]{finding.severity}[/]",
            finding.name,
            str(len(finding.subjects)),
            f"{escape(which)}\n[dim]what to do:[/] {escape(finding.advice)}",
        )
    return table


def _summary(findings: tuple[Finding, ...]) -> str:
    counts = dict.fromkeys(Severity, 0)
    for finding in findings:
        counts[finding.severity] += 1
    can = "cannot go on" if counts[Severity.ERROR] else "can go on"
    return f"training {can}: " + ", ".join(
        f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items()
    )
