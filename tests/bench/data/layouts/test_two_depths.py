"""A table whose columns name two depth images of a sample, or files of no kind that is read."""

import canonical_archive
import numpy as np
import pytest
from published_archives import write

from bench.data.layouts import open_layouts
from bench.errors import InputError
from bench.settings import DepthCoding, Patterns, Source

KEYS = ("one", "two")


def labelled(path, *, columns=("depth", "depth_mm", "exact", "camera"), deep="depth_mm"):
    """A labelled archive; the images of the column ``deep`` have 16 bits, the others 8."""
    table = [",".join(["id", "bg", "fg_bg", "fg_bg_mask", *columns])]
    found = [("bg/b.png", canonical_archive.png(np.zeros((4, 4, 3), np.uint8)))]
    for key in KEYS:
        cells = {column: f"{column}/{key}.png" for column in columns}
        cells |= {"camera": "left"} if "camera" in columns else {}
        table.append(
            ",".join([key, "bg/b.png", f"fg_bg/{key}.png", f"m/{key}.png", *cells.values()])
        )
        for folder in ("fg_bg", "m", *columns):
            dtype = np.uint16 if folder == deep else np.uint8
            image = canonical_archive.png(np.zeros((4, 4), dtype))
            found.append((f"{folder}/{key}.png", image))
    return str(write(path, [*found, ("labels.csv", "\n".join([*table, ""]).encode())]))


def taken(layout):
    """The folder that depth is read from."""
    (folder,) = {
        layout.entries.names[row].as_py().split("/")[0] for row in layout.samples.depth_entry
    }
    return folder


@pytest.mark.parametrize("layout", [None, "labelled"])
def test_where_the_coding_does_not_choose_both_are_named_with_how_to_choose(tmp_path, layout):
    with pytest.raises(InputError) as raised:
        open_layouts(Source(files=labelled(tmp_path / "a.zip"), layout=layout))
    assert str(raised.value) == (
        f"{tmp_path / 'a.zip'}: labels.csv: the column depth names images of 8 bits, depth_mm of "
        "16: choose by the coding in a grid, as in data.archive: {files: ..., depth: {maximum: "
        "10000, invalid: 0}} for depth_mm, or {files: ..., depth: {maximum: 255}} for depth"
    )


@pytest.mark.parametrize(
    ("maximum", "folder", "unread"),
    [
        (10000, "depth_mm", "depth (depth is read from depth_mm), exact"),
        (255, "depth", "depth_mm, exact"),
    ],
)
def test_the_coding_chooses_and_what_is_not_read_is_said(tmp_path, maximum, folder, unread):
    coding = DepthCoding(maximum=maximum)
    (layout,) = open_layouts(Source(files=labelled(tmp_path / "a.zip"), depth=coding))
    assert taken(layout) == folder
    assert layout.depth_coding == coding
    assert layout.remarks == (f"labels.csv names files that are not read: {unread}",)
    layout.require_partners()


def test_measured_depth_under_its_own_name_is_taken(tmp_path):
    path = labelled(tmp_path / "a.zip", columns=("depth", "filled"), deep="depth")
    (layout,) = open_layouts(Source(files=path))
    assert taken(layout) == "depth"
    assert layout.remarks == ("labels.csv names files that are not read: filled",)


def test_columns_that_are_named_one_by_one_are_taken_as_said(tmp_path):
    columns = {"key": "id", "background": "bg", "composite": "fg_bg", "mask": "fg_bg_mask"}
    layout = Patterns(labels="labels.csv", columns=columns | {"depth": "depth_mm"})
    (read,) = open_layouts(Source(files=labelled(tmp_path / "a.zip"), layout=layout))
    assert taken(read) == "depth_mm"


def test_a_table_all_of_which_is_read_is_no_remark(tmp_path):
    path = labelled(tmp_path / "a.zip", columns=("depth", "camera"), deep=None)
    (layout,) = open_layouts(Source(files=path))
    assert layout.remarks == ()
