"""A sound archive in memory, to break in one chosen way and inspect."""

from __future__ import annotations

import canonical_archive
import numpy as np
import pytest

from bench.archives.check import inspect
from bench.data.layouts import open_layouts
from bench.settings import Source

SAMPLES = 15
SIDE = 64


def sound_entries(samples=SAMPLES):
    """As `canonical_archive.entries`, with a depth that rises and a nearer object on it."""
    found = canonical_archive.entries(samples=samples, size=(SIDE, SIDE), backgrounds=3)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for number in range(samples):
        depth = 30000 + 400 * rows + 7 * columns
        place = slice(2 + number % 16, 14 + number % 16)
        depth[place, place] -= 20000
        found[f"depth/s{number}.png"] = canonical_archive.png(depth.astype(np.uint16))
    return found


@pytest.fixture
def entries():
    """Name to bytes of 15 samples of 64 px, s0 to s14, on the backgrounds b0 to b2."""
    return sound_entries()


@pytest.fixture
def inspect_entries(tmp_path):
    """Write entries as an archive, inspect it, and give the findings by name."""

    def inspect_entries(found):
        path = canonical_archive.write(tmp_path / "inspected.zip", found)
        source = Source(files=(str(path),))
        findings = inspect(open_layouts(source), on_progress=lambda done, total: None).findings
        assert len({finding.name for finding in findings}) == len(findings)
        return {finding.name: finding for finding in findings}

    return inspect_entries
