"""What several datasets become, and what is refused."""

import json
import re

import canonical_archive
import pytest
from converted_archive import contents, converted, require_same_samples

from bench.errors import InputError
from bench.settings import DepthCoding, Source


def test_several_datasets_become_one(tmp_path):
    first = canonical_archive.entries(samples=2, backgrounds=1)
    second = {name.replace("/s", "/t"): text for name, text in first.items()}
    second["samples.csv"] = b"key,background,camera\nt0,b0,left\nt1,b0,right\n"
    paths = [
        canonical_archive.write(tmp_path / f"{name}.zip", entries)
        for name, entries in (("a", first), ("b", second))
    ]
    assert converted(tmp_path / "c.zip", *paths).samples == 4
    found = contents(tmp_path / "c.zip")
    assert json.loads(found["dataset.json"])["depth"]["maximum"] == 65535
    assert sum(name.startswith("background/") for name in found) == 1  # the same bytes in both
    assert found["samples.csv"].decode().splitlines() == [
        "key,background,scene,camera",
        "s0,b0,indoors,",
        "s1,b0,indoors,",
        "t0,b0,,left",
        "t1,b0,,right",
    ]


def test_codings_that_are_stated_and_given_alike_are_one(tmp_path):
    paths = [
        canonical_archive.write(tmp_path / f"{name}.zip", entries)
        for name, entries in (("a", canonical_archive.entries()), ("b", _second()))
    ]
    given = DepthCoding(maximum=65535, unit="m")
    sources = [Source(files=(str(paths[0]),)), Source(files=(str(paths[1]),), depth=given)]
    assert converted(tmp_path / "c.zip", *sources).samples == 12


def _second(**changes):
    """A second dataset with keys of its own, less or more of something."""
    entries = canonical_archive.entries(samples=2, **changes)
    found = {name.replace("/s", "/t"): text for name, text in entries.items()}
    return found | {"samples.csv": b"key,background\nt0,b0\nt1,b1\n"}


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (_second(seed=1), "background/b0.png differ, but would both be the background b0"),
        (
            _second(depth_coding={"maximum": 9, "near": "low", "invalid": None}),
            r"codes depth as {'maximum': 9, .* convert them one by one",
        ),
        (
            {n: t for n, t in _second().items() if not n.startswith("depth/")},
            "b.zip holds background, composite, mask, but",
        ),
    ],
)
def test_datasets_that_cannot_be_one_are_refused(second, message, tmp_path):
    paths = [
        canonical_archive.write(tmp_path / f"{name}.zip", entries)
        for name, entries in (("a", canonical_archive.entries()), ("b", second))
    ]
    with pytest.raises(InputError, match=message):
        converted(tmp_path / "c.zip", *paths)
    assert {file.name for file in tmp_path.iterdir()} == {"a.zip", "b.zip"}


@pytest.mark.parametrize("key", ["../../escaped", "/escaped", "a//b", "a/..", ".", "a\\b", "a\tb"])
def test_a_key_that_names_no_file_is_refused(key, tmp_path):
    entries = canonical_archive.entries(samples=1)
    found = {name.replace("/s0", f"/{key}"): content for name, content in entries.items()}
    found["samples.csv"] = f"key,background\n{key},b0\n".encode()
    path = canonical_archive.write(tmp_path / "a.zip", found)
    with pytest.raises(InputError, match=re.escape(f"the key {key!r} cannot name a file")):
        converted(tmp_path / "out" / "b", path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.zip"]


def test_keys_of_several_parts_stay_as_they_are(tmp_path):
    entries = canonical_archive.entries(samples=1)
    found = {name.replace("/s0", "/hall/s.0"): content for name, content in entries.items()}
    found["samples.csv"] = b"key,background\nhall/s.0,b0\n"
    path = canonical_archive.write(tmp_path / "a.zip", found)
    for out in ("b.zip", "b"):
        converted(tmp_path / out, path)
        require_same_samples(path, tmp_path / out, (32, 32))


def test_what_is_broken_is_refused(tmp_path):
    entries = canonical_archive.entries()
    del entries["mask/s3.png"]
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    with pytest.raises(InputError, match="1 of 10 samples have no mask, the first is s3"):
        converted(tmp_path / "b.zip", path)
    entries["mask/s3.png"] = b"no image at all"
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    with pytest.raises(InputError, match=r"a\.zip: mask/s3\.png: no readable image"):
        converted(tmp_path / "b.zip", path)
    assert not (tmp_path / "b.zip").exists()


def test_a_crop_of_another_shape_is_refused(tmp_path):
    path = canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries())
    source = Source(files=(str(path),), depth=DepthCoding(maximum=65535, crop=(0, 0, 16, 32)))
    with pytest.raises(InputError, match="crop leaves 16x32 px, another shape than the 32x32 px"):
        converted(tmp_path / "b.zip", source)


def test_what_stands_there_is_left_alone(rendered_archive, tmp_path):
    (tmp_path / "b.zip").write_text("precious")
    (tmp_path / "b").mkdir()
    for name in ("b.zip", "b"):
        with pytest.raises(InputError, match=f"{name} exists already"):
            converted(tmp_path / name, rendered_archive)
    assert (tmp_path / "b.zip").read_text() == "precious"
    converted(tmp_path / "folder", rendered_archive)
    with pytest.raises(InputError, match=r"lies in .*folder, which is to be converted"):
        converted(tmp_path / "folder" / "c.zip", tmp_path / "folder")
    with pytest.raises(InputError, match=r"b\.zip/c\.zip: cannot be written"):
        converted(tmp_path / "b.zip" / "c.zip", rendered_archive)
