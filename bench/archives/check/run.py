"""From archives to what is in them and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.archives.check import depth, duplicates, images, masks, pairing, partners
from bench.archives.check.finding import Finding, Severity
from bench.archives.check.measuring import count_steps, measure
from bench.data.layouts import PLACE, Manifest
from bench.errors import InputError

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


def inspect(layouts: Sequence[Manifest], *, on_progress: Callable[[int, int], None]) -> Inspection:
    """Read every image once and judge what was measured.

    Args:
        layouts: the datasets; a sample may lack an image.
        on_progress: called with the numbers of steps done and to do.

    Raises:
        InputError: a dataset has no sample.
    """
    for layout in layouts:
        if layout.samples.empty:
            raise InputError(f"{layout.entries.paths}: no samples")
    total = sum(count_steps(layout) for layout in layouts)
    done = 0

    def on_step(steps: int) -> None:
        nonlocal done
        done += steps
        on_progress(done, total)

    table = pd.concat([measure(layout, on_step) for layout in layouts], ignore_index=True)
    samples = pd.concat([layout.samples for layout in layouts], ignore_index=True)
    findings = [
        *duplicates.repeated_entries(layouts),
        *duplicates.judge_near_duplicates(table, samples.drop(columns=list(PLACE))),
        *judge(table),
    ]
    order = list(Severity)
    return Inspection(
        tuple(layouts), table, tuple(sorted(findings, key=lambda f: order.index(f.severity)))
    )


def judge(table: pd.DataFrame) -> list[Finding]:
    """All that the measurements of `measuring.measure` say."""
    return [finding for judge_one in JUDGES for finding in judge_one(table)]
