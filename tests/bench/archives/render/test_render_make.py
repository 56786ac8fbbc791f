"""The archive: its bytes, its layout, its parameters, and that its data is not trivial."""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from bench.archives.render import make

SMALL = {"backgrounds": 3, "foregrounds": 3, "placements": 2, "size": 64, "seed": 0}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("generator") / "small.zip"
    make(path, **SMALL)
    return path


def entries(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(path):
    return list(csv.DictReader(io.StringIO(entries(path)["samples.csv"].decode())))


def png(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def load(path):
    """Return the difference of the pictures, the mask and the depth in [0, 1], each (n, h, w)."""
    data = entries(path)
    differences, masks, depths = [], [], []
    for row in rows(path):
        background = simplejpeg.decode_jpeg(data[f"background/{row['background']}.jpg"])
        composite = simplejpeg.decode_jpeg(data[f"composite/{row['key']}.jpg"])
        differences.append(np.abs(composite.astype(int) - background).max(axis=-1))
        masks.append(png(data[f"mask/{row['key']}.png"]) >= 128)
        depths.append(png(data[f"depth/{row['key']}.png"]) / 12000)
    return np.stack(differences), np.stack(masks), np.stack(depths)


def test_the_same_seed_gives_the_same_bytes(small, tmp_path):
    make(tmp_path / "again.zip", **SMALL)
    assert (tmp_path / "again.zip").read_bytes() == small.read_bytes()


def test_another_seed_gives_other_pictures(small, tmp_path):
    make(tmp_path / "other.zip", **{**SMALL, "seed": 1})
    ours, theirs = entries(small), entries(tmp_path / "other.zip")
    assert ours.keys() == theirs.keys()
    assert all(
        ours[name] != theirs[name] for name in ours if name.endswith((".jpg", ".png", ".json"))
    )


@pytest.mark.parametrize("more", ["backgrounds", "foregrounds", "placements"])
def test_larger_counts_only_add_samples(small, tmp_path, more):
    make(tmp_path / "more.zip", **{**SMALL, more: SMALL[more] + 1})
    ours, theirs = entries(small), entries(tmp_path / "more.zip")
    assert len(theirs) > len(ours)
    assert all(ours[name] == theirs[name] for name in ours if "/" in name)


def test_layout(small):
    with zipfile.ZipFile(small) as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.compress_type == zipfile.ZIP_STORED
    data, samples = entries(small), rows(small)
    assert len(samples) == 18
    expected = {"samples.csv", "dataset.json"}
    expected |= {f"background/{row['background']}.jpg" for row in samples}
    expected |= {f"composite/{row['key']}.jpg" for row in samples}
    expected |= {f"{head}/{row['key']}.png" for row in samples for head in ("mask", "depth")}
    assert set(data) == expected
    for name, content in data.items():
        if name.endswith(".jpg"):
            assert simplejpeg.decode_jpeg(content).shape == (64, 64, 3)
        elif name.startswith("mask/"):
            assert Image.open(io.BytesIO(content)).mode == "L"
            assert png(content).shape == (64, 64)
        elif name.startswith("depth/"):
            assert Image.open(io.BytesIO(content)).mode == "I;16"
            assert png(content).shape == (64, 64)
            assert 0 < png(content).min() <= png(content).max() <= 12000


def test_samples_say_what_they_are_made_of(small):
    samples = rows(small)
    assert list(samples[0]) == [
        "key",
        "background",
        "foreground",
        "mirrored",
        "placement",
        "scene",
    ]
    assert [row["key"] for row in samples[:3]] == ["b000_f000_p0", "b000_f000_p1", "b000_f001_p0"]
    assert samples[-1]["key"] == "b002_f002_p1"
    for row in samples:
        assert row["key"] == f"{row['background']}_{row['foreground']}_p{row['placement']}"
        assert row["scene"] in {"room", "street"}
    assert {row["mirrored"] for row in samples} == {"0", "1"}


def test_description(small):
    assert json.loads(entries(small)["dataset.json"]) == {
        "format": 1,
        "size": [64, 64],
        "depth": {
            "kind": "rendered",
            "unit": "mm",
            "maximum": 12000,
            "near": "low",
            "invalid": None,
        },
        "generator": {"version": 1, **SMALL},
    }


def test_every_object_can_be_seen_and_leaves_most_of_the_scene(small):
    for row in rows(small):
        coverage = png(entries(small)[f"mask/{row['key']}.png"]).mean() / 255
        assert 0.019 < coverage < 0.351


def test_masks_have_soft_edges(small):
    mask = png(entries(small)["mask/b000_f000_p0.png"])
    assert ((mask > 20) & (mask < 235)).sum() > 10


def test_the_background_differs_from_picture_to_picture_outside_of_the_object(small):
    differences, masks, _ = load(small)
    assert all(d[~m].mean() > 3 for d, m in zip(differences, masks, strict=True))


def test_trivial_answers_stay_bad(tmp_path):
    make(tmp_path / "a.zip", backgrounds=8, foregrounds=6, placements=1, size=64, seed=3)
    differences, masks, depths = load(tmp_path / "a.zip")

    def iou(threshold):
        guess = differences > threshold
        return np.mean((guess & masks).sum(axis=(1, 2)) / (guess | masks).sum(axis=(1, 2)))

    def rmse(guess):
        return np.sqrt(((depths - guess) ** 2).mean(axis=(1, 2))).mean()

    assert 0.2 < max(iou(threshold) for threshold in range(4, 128, 4)) < 0.5
    assert rmse(depths.mean()) > 0.2
    assert rmse(depths.mean(axis=0)) > 0.12


def test_progress_counts_the_samples(tmp_path):
    seen = []
    make(
        tmp_path / "a.zip",
        backgrounds=1,
        foregrounds=2,
        placements=1,
        size=32,
        seed=0,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interruption_leaves_nothing_behind(tmp_path, error):
    def interrupt(_done, _total):
        raise error

    with pytest.raises(error):
        make(tmp_path / "a.zip", **SMALL, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_the_older_archive_alone(tmp_path):
    def interrupt(_done, _total):
        raise KeyboardInterrupt

    path = tmp_path / "a.zip"
    path.write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt):
        make(path, **SMALL, overwrite=True, progress=interrupt)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_replaced_only_on_demand(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"older")
    one = {"backgrounds": 1, "foregrounds": 1, "placements": 1, "size": 32, "seed": 0}
    with pytest.raises(FileExistsError, match=f"^{path} exists already$"):
        make(path, **one)
    assert path.read_bytes() == b"older"
    make(path, **one, overwrite=True)
    assert zipfile.is_zipfile(path)


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"backgrounds": 0}, "backgrounds must be at least 1, not 0"),
        ({"foregrounds": -2}, "foregrounds must be at least 1, not -2"),
        ({"placements": 0}, "placements must be at least 1, not 0"),
        ({"size": 31}, "size must be at least 32 px, not 31"),
        ({"seed": -1}, "seed must not be negative, but is -1"),
    ],
)
def test_bad_parameters(tmp_path, parameter, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        make(tmp_path / "sub" / "a.zip", **{**SMALL, **parameter})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_made(tmp_path):
    path: Path = tmp_path / "data" / "a.zip"
    make(path, backgrounds=1, foregrounds=1, placements=1, size=32, seed=0)
    assert [entry.name for entry in path.parent.iterdir()] == ["a.zip"]
