"""From archives to what is in them and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bench.archives.check import depth, duplicates, masks, pairing, partners, pictures
from bench.archives.check.finding import Finding, Severity
from bench.archives.check.measuring import count_steps, measure
from bench.data.layouts import Layout, open_layouts
from bench.settings import Source

JUDGES = (
    pictures.judged,
    partners.judged,
    duplicates.judged,
    masks.judged,
    depth.judged,
    pairing.judged,
)


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        layouts: how the archives were read.
        table: one row a sample, see `measuring.measure`.
        findings: what is wrong, the worst first.
    """

    layouts: tuple[Layout, ...]
    table: pd.DataFrame
    findings: tuple[Finding, ...]


def inspect(source: Source, *, on_progress: Callable[[int, int], None]) -> Inspection:
    """Read every picture once and judge what was measured.

    Args:
        source: the archives and how to read them.
        on_progress: called with the numbers of steps done and to do.

    Raises:
        InputError: an archive cannot be read, or is in no layout that is known.
    """
    layouts = open_layouts(source)
    total = sum(count_steps(layout) for layout in layouts)
    done = 0

    def on_step(steps: int) -> None:
        nonlocal done
        done += steps
        on_progress(done, total)

    table = pd.concat([measure(layout, on_step) for layout in layouts], ignore_index=True)
    findings = [*duplicates.repeated_entries(layouts), *judge(table)]
    order = list(Severity)
    return Inspection(
        tuple(layouts), table, tuple(sorted(findings, key=lambda f: order.index(f.severity)))
    )


def judge(table: pd.DataFrame) -> list[Finding]:
    """All that the measurements of `measuring.measure` say."""
    return [finding for judged in JUDGES for finding in judged(table)]
