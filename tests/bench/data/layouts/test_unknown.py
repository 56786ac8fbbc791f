"""Where layouts find the ignore regions of masks."""

import canonical_archive
import numpy as np
import pytest

from bench.data.cache import open_dataset
from bench.data.layouts import open_layouts
from bench.settings import Source

WHITE = canonical_archive.png(np.full((32, 32), 255, np.uint8))


def written(tmp_path, labels, unknown):
    """An archive with a table; ``unknown`` names the image of each sample's ignore region."""
    canonical = canonical_archive.entries(samples=2)
    found = {"labels.csv": labels.encode()}
    for number in range(2):
        found[f"bg/b{number}.png"] = canonical[f"background/b{number}.png"]
        found[f"fg_bg/s{number}.png"] = canonical[f"composite/s{number}.png"]
        found[f"fg_bg_mask/s{number}.png"] = canonical[f"mask/s{number}.png"]
        pixels = np.zeros((32, 32), np.uint8)
        pixels[:, : 8 * (1 + number)] = 255
        found[unknown.format(number)] = canonical_archive.png(pixels)
    return canonical_archive.write(tmp_path / "a.zip", found)


LABELS = """id,bg,fg_bg,fg_bg_mask{0}
s0,bg/b0.png,fg_bg/s0.png,fg_bg_mask/s0.png{1}
s1,bg/b1.png,fg_bg/s1.png,fg_bg_mask/s1.png{2}
"""
PATTERNS = {
    "composite": "fg_bg/{key}.png",
    "mask": "fg_bg_mask/{key}.png",
    "unknown": "trimap/{key}.png",
}


@pytest.mark.parametrize(
    ("labels", "unknown", "layout"),
    [
        (LABELS.format("", "", ""), "unknown/s{}.png", None),
        (LABELS.format(",unknown", ",void/0.png", ",void/1.png"), "void/{}.png", None),
        ("", "trimap/s{}.png", PATTERNS),
    ],
    ids=["beside a table", "in a table", "by a pattern"],
)
def test_an_ignore_region_is_found(tmp_path, labels, unknown, layout):
    source = Source(files=(str(written(tmp_path, labels, unknown)),), layout=layout)
    dataset = open_dataset([source], (32, 32), root=tmp_path / "cache")
    for number, valid in enumerate(dataset.mask_valid):
        assert valid.tolist() == [[0] * 8 * (1 + number) + [1] * (24 - 8 * number)] * 32
    assert list(dataset.samples) == ["key", "background"]


def test_a_pattern_of_an_ignore_region_that_fits_nothing_is_remarked_on(tmp_path):
    path = written(tmp_path, "", "elsewhere/s{}.png")
    (layout,) = open_layouts(Source(files=(str(path),), layout=PATTERNS))
    assert "no sample has an unknown named like trimap/{key}.png" in layout.remarks


def test_an_archive_without_ignore_regions_is_remarked_on_by_nobody(tmp_path):
    path = canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries(samples=2))
    (layout,) = open_layouts(Source(files=(str(path),)))
    assert layout.remarks == ()
    assert layout.kinds() == ("background", "composite", "mask", "depth")
