"""The judges by themselves, on measurements of a sound archive with single figures changed."""

import canonical_archive
import pandas as pd
import pytest

from bench.archives.check import inspect, masks
from bench.archives.check.run import judge
from bench.data.layouts import open_layouts
from bench.settings import Source


@pytest.fixture
def table(entries, tmp_path):
    path = canonical_archive.write(tmp_path / "sound.zip", entries)
    source = Source(files=(str(path),))
    return inspect(open_layouts(source), on_progress=lambda done, total: None).table.set_index(
        "key", drop=False
    )


def judged(table, **figures):
    for name, value in figures.items():
        table.loc["s1", name] = value
    return {finding.name: finding.subjects for finding in judge(table.reset_index(drop=True))}


@pytest.mark.parametrize(
    ("share", "grey_share", "is_grey"),
    [
        (0.32, 0.124, False),  # a figure of fine shapes, rendered at 64 px
        (0.13, 0.12, False),  # one at 32 px
        (0.13, 0.14, True),
        (0.0, 0.12, True),  # an object of one grey that is below the threshold
        (0.95, 0.9, True),  # a bright photograph in place of a mask
        (0.05, 0.09, False),
    ],
)
def test_edges_are_less_than_the_object_and_what_is_grey_else_is_no_mask(
    table, share, grey_share, is_grey
):
    found = judged(table, mask_share=share, mask_grey_share=grey_share)
    assert ("grey mask" in found) == is_grey


def test_a_mask_out_of_order_is_beside_the_change(table):
    assert judged(table, mask_order=0.65) == {"mask beside the change": ("s1",)}
    assert judged(table, mask_order=0.75) == {}


@pytest.mark.parametrize(("copies", "severity"), [(1, "warning"), (4, "note")])
def test_a_few_masks_out_of_order_may_be_of_objects_that_are_hard_to_see(table, copies, severity):
    assert len(table) == 15
    table.loc["s1", "mask_order"] = 0.65
    sound = [table.drop(index="s1")] * (copies - 1)
    (found,) = masks.judge(pd.concat([table, *sound], ignore_index=True))
    assert (found.name, found.severity) == ("mask beside the change", severity)
    assert found.leave_out == ("s1",)


def test_a_mask_that_overlaps_less_than_the_others_is_beside_the_change(table):
    assert judged(table, mask_overlap=0.35) == {"mask beside the change": ("s1",)}
    assert judged(table, mask_overlap=0.45) == {}


def test_where_all_masks_overlap_little_none_is_out_of_line(table):
    table["mask_overlap"] = [0.1 + 0.05 * number for number in range(len(table))]
    assert judged(table) == {}


def test_on_a_wrong_background_the_mask_is_not_judged(table):
    found = judged(table, mask_order=0.3, fit_own=0.9, fit_best=0.1)
    assert found == {"wrong background": ("s1",)}


@pytest.mark.parametrize(
    ("own", "best", "wrong"),
    [(0.9, 0.25, True), (0.9, 0.35, False), (0.5, 0.25, False), (0.15, 0.05, True)],
)
def test_another_background_has_to_fit_and_clearly_better(table, own, best, wrong):
    assert ("wrong background" in judged(table, fit_own=own, fit_best=best)) == wrong


def test_what_fits_its_background_is_not_mirrored(table):
    assert judged(table, fit_own=0.09, fit_mirrored=0.01) == {}
    assert judged(table, fit_own=0.9, fit_mirrored=0.01) == {"mirrored background": ("s1",)}
