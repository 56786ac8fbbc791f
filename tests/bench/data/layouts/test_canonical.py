import json

import canonical_archive
import pytest
from published_archives import KINDS, write

from bench.data.layouts import open_layouts
from bench.errors import InputError
from bench.settings import DepthCoding, Source


def open_one(tmp_path, found, **settings):
    path = write(tmp_path / "a.zip", found.items() if isinstance(found, dict) else found)
    (layout,) = open_layouts(Source(files=str(path), **settings))
    return layout


def pairs(layout):
    """Of each key the contents of its images."""
    return {
        sample["key"]: [layout.entries.read(sample[f"{kind}_entry"]) for kind in KINDS]
        for sample in layout.samples.to_dict("records")
    }


def truth(entries):
    return {
        f"s{i}": [
            entries[f"background/b{i % 2}.png"],
            *(entries[f"{kind}/s{i}.png"] for kind in KINDS[1:]),
        ]
        for i in range(10)
    }


def backwards(entries):
    return list(entries.items())[::-1]


def in_a_folder(entries):
    return [(f"my data/{name}", content) for name, content in entries.items()]


def zipped_on_a_mac(entries):
    junk = [("/".join([*n.split("/")[:-1], f"._{n.split('/')[-1]}"]), b"\0") for n in entries]
    return [
        ("__MACOSX/", b""),
        *((f"__MACOSX/{name.lstrip('/')}", content) for name, content in junk),
        *((f"root/{name.lstrip('/')}", content) for name, content in junk),
        ("root/.DS_Store", b""),
        *((f"root/{name}", content) for name, content in entries.items()),
    ]


def as_jpeg_and_upper_case(entries):
    return [
        (name.replace(".png", ".JPG" if "mask" in name else ".jpeg"), content)
        for name, content in entries.items()
    ]


@pytest.mark.parametrize(
    "edit",
    [backwards, in_a_folder, zipped_on_a_mac, as_jpeg_and_upper_case],
    ids=lambda f: f.__name__,
)
def test_pairs_hold_however_the_archive_was_packed(tmp_path, edit):
    entries = canonical_archive.entries()
    layout = open_one(tmp_path, edit(entries))
    assert layout.name == "canonical"
    assert pairs(layout) == truth(entries)
    assert layout.samples["key"].tolist() == [f"s{i}" for i in range(10)]
    assert layout.samples["scene"].tolist() == ["indoors"] * 10
    assert not layout.samples["background_mirrored"].any()
    assert layout.remarks == ()


def test_an_entry_that_was_appended_again_counts_once_and_last(tmp_path):
    entries = canonical_archive.entries()
    old = [("mask/s3.png", b"old"), ("samples.csv", b"key,background\nold,old\n")]
    layout = open_one(tmp_path, [*old, *entries.items()])
    assert pairs(layout) == truth(entries)
    assert layout.remarks == ("1 mask entries are repeated; the last of each is read",)


def test_two_images_of_one_id_are_an_error(tmp_path):
    entries = canonical_archive.entries() | {"mask/s3.jpg": b"another"}
    with pytest.raises(InputError, match=r"mask/s3\.png and .*mask/s3\.jpg differ"):
        open_one(tmp_path, entries)


def test_depth_is_read_as_the_archive_says_unless_the_source_says_how(tmp_path):
    coding = {"unit": "mm", "maximum": 10000, "near": "high", "invalid": 0}
    entries = canonical_archive.entries(depth_coding=coding)
    stated = open_one(tmp_path, entries).depth_coding
    assert stated.model_dump() == DepthCoding(**coding).model_dump()
    own = DepthCoding(maximum=5000)
    assert open_one(tmp_path, entries, depth=own).depth_coding == own


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("samples.csv", b"", "samples.csv: not a CSV table"),
        ("samples.csv", b"key,background\na,b,c\n", "samples.csv: not a CSV table"),
        ("samples.csv", b"key,background\n\xff,b\n", "samples.csv: not a CSV table"),
        ("samples.csv", b"key,scene\ns0,b0\n", "samples.csv: has no column 'background'"),
        ("samples.csv", b"key,background\n", "samples.csv: lists no sample"),
        (
            "samples.csv",
            b"key,background\ns0,b0\ns0,b1\n",
            "samples.csv: the key s0 is listed twice",
        ),
        ("dataset.json", b"{", "dataset.json: not valid JSON"),
        ("dataset.json", b'{"format": 2}', "dataset.json: format: "),
        (
            "dataset.json",
            json.dumps({"format": 1, "depth": {"near": "far"}}).encode(),
            "dataset.json: depth.near: ",
        ),
    ],
)
def test_a_table_or_description_at_fault_is_named(tmp_path, name, content, fault):
    entries = canonical_archive.entries() | {name: content}
    with pytest.raises(InputError, match=rf"a\.zip: {fault}"):
        open_one(tmp_path, entries)
