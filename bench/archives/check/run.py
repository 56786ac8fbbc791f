"""From archives to what is in them and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bench.archives.check import depth, duplicates, images, masks, pairing, partners
from bench.archives.check.finding import Finding, Severity
from bench.archives.check.measuring import count_steps, measure
from bench.data.layouts import Manifest, open_layouts
from bench.settings import Source

JUDGES = (
    images.judge,
    partners.judge,
    duplicates.judge,
    masks.judge,
    depth.judge,
    pairing.judge,
)


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        layouts: how the archives were read.
        table: one row a sample, see `measuring.measure`.
        findings: what is wrong, the worst first.
    """

    layouts: tuple[Manifest, ...]
    table: pd.DataFrame
    findings: tuple[Finding, ...]


def inspect(source: Source, *, on_progress: Callable[[int, int], None]) -> Inspection:
    """Read every image once and judge what was measured.

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
    return [finding for judge_one in JUDGES for finding in judge_one(table)]
