"""Which samples to leave out, so that the rest can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.archives.check.finding import Finding, Severity
from bench.archives.check.run import Inspection
from bench.data.sample_pool import SamplePool
from bench.errors import InputError
from bench.files import atomic_path

SYSTEMATIC = 0.5
"""A warning about more than this share of the samples is about how the archive was made or is read:
leaving them out mends nothing."""


def select_quarantined(findings: Sequence[Finding], samples: int) -> pd.DataFrame:
    """The samples to leave out: ``key`` and ``reason`` (the findings' names), one row a sample.

    Args:
        findings: what is wrong.
        samples: how many there are.
    """
    rows = [
        (key, finding.name)
        for finding in findings
        if finding.severity is Severity.ERROR or len(finding.leave_out) <= SYSTEMATIC * samples
        for key in finding.leave_out
    ]
    listed = pd.DataFrame(rows, columns=["key", "reason"], dtype=str)
    return listed.groupby("key", as_index=False, sort=False).agg("; ".join)


def write_quarantine(path: Path, inspection: Inspection, left_out: Sequence[str] = ()) -> int:
    """Write the samples to leave out as a CSV list, which a grid's ``data.exclude`` reads.

    Args:
        path: of the list.
        inspection: of the samples.
        left_out: keys of those that an earlier list left out of the inspection.

    Returns:
        How many they are.

    Raises:
        InputError: without them the archives could still not be trained on, or the list cannot be
            written.
    """
    listed = select_quarantined(inspection.findings, len(inspection.table))
    try:
        SamplePool([layout.without(listed["key"]) for layout in inspection.layouts])
    except InputError as error:
        raise InputError(f"{path}: not written, leaving out does not help: {error}") from None
    earlier = pd.DataFrame({"key": left_out, "reason": "left out before"}, dtype=str)
    listed = pd.concat([earlier, listed])
    try:
        with atomic_path(path) as partial:
            listed.to_csv(partial, index=False, lineterminator="\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return len(listed)
