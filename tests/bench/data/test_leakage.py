import os
from pathlib import Path

import canonical_archive
import filmed_archive
import numpy as np
import pandas as pd
import pytest

from bench.data import leakage
from bench.data.cache import open_dataset
from bench.data.dataset import Dataset
from bench.data.leakage import find_leakage, near_duplicates, shared_groups
from bench.data.split import SplitRows, split_rows
from bench.settings import Split

SPLIT = SplitRows(
    train=np.array([0, 1]), val=np.array([2]), test=np.array([3, 4]), digest="d", left_out=1
)
SAMPLES = pd.DataFrame(
    [
        ("s0", "b0", "f0", "room"),  # train
        ("s1", "b0", "f1", "room"),  # train
        ("s2", "b1", "f0", ""),  # val
        ("s3", "b0", "f2", "street"),  # test
        ("s4", "b2", "f1", None),  # test
        ("s5", "b1", "f3", "street"),  # in no subset
    ],
    columns=["key", "background", "foreground", "scene"],
)


@pytest.mark.parametrize(
    ("column", "groups", "spread", "test_share"),
    [
        ("background", 3, 1, 1 / 2),  # b0: s0 and s1 train, s3 tests
        ("foreground", 3, 2, 1 / 2),  # f0: train and val; f1: s1 trains, s4 tests
        ("scene", 2, 0, 0),  # s2 and s4 have none, s5 counts for nothing
    ],
)
def test_shared_groups_are_counted(column, groups, spread, test_share):
    overlaps = {overlap.column: overlap for overlap in shared_groups(SAMPLES, SPLIT)}
    assert list(overlaps) == ["background", "foreground", "scene"]
    found = overlaps[column]
    assert (found.groups, found.spread, found.test_share) == (groups, spread, test_share)


def test_near_duplicates_are_counted():
    hashes = np.array(
        [
            0b0,  # train; two bits from s3
            0b1111,  # train; two bits from s3
            0xFFFFFFFF00000000,  # val; alone
            0b11,  # test
            0x00000000FFFF0000,  # test; only s5 is like it
            0x00000000FFFF0000,  # in no subset
        ],
        np.uint64,
    )
    found = near_duplicates(hashes, SPLIT)
    assert (found.groups, found.spread, found.test_share) == (5, 3, 1 / 2)


def dataset(look, *, backgrounds=True, **columns):
    """Composites of which two look alike if they have the same number, and the given columns."""
    random = np.random.default_rng(0)
    looks = random.integers(0, 256, (max(look) + 1, 32, 32, 3), np.uint8)
    samples = pd.DataFrame({"key": [f"s{row}" for row in range(len(look))], **columns}, dtype=str)
    rows, ids = pd.factorize(samples["background"])
    return Dataset(
        samples=samples,
        size=(32, 32),
        background_rows=rows,
        backgrounds=np.zeros((len(ids), 32, 32, 3), np.uint8) if backgrounds else None,
        composites=looks[look],
        masks=None,
        depths=None,
        depth_valid=None,
        mask_valid=None,
        fingerprint="f",
    )


def split(train, val, test):
    return SplitRows(*(np.array(rows) for rows in (train, val, test)), digest="d")


OWN = [f"b{row}" for row in range(8)]
LOOK = [0, 0, 1, 1, 2, 2, 3, 4]
FILMS = [f"film{number}" for number in LOOK]


def test_near_duplicates_on_backgrounds_of_their_own_are_said_with_the_column_to_split_by():
    found = dataset(LOOK, background=OWN, scene=FILMS, camera=["left", "right"] * 4)
    across = split([0, 2, 4], [6], [1, 3, 7, 5])  # 1, 3 and 5 are known to training
    (remark,) = find_leakage(found, across).remarks
    assert remark == (
        "75% of the test samples have a near-duplicate among the training samples; "
        "data: {split: {by: scene}} keeps them together"
    )
    assert find_leakage(found, split([0, 1, 2, 3], [6], [4, 5, 7])).remarks == []


def test_where_no_column_keeps_near_duplicates_together_one_has_to_be_added():
    found = dataset(LOOK, background=OWN, scene=["indoors"] * 4 + ["outdoors"] * 4)  # two groups
    (remark,) = find_leakage(found, split([0, 2, 4], [6], [1, 3, 7, 5])).remarks
    assert remark.endswith(
        "; no column with 3 groups or more keeps them together: add one, such as the film or the "
        "place, and split by it"
    )


def test_composites_that_look_alike_on_one_background_are_no_near_duplicates():
    found = dataset(LOOK, background=[f"b{number}" for number in LOOK], foreground=list("aabbaabb"))
    (remark,) = find_leakage(found, split([0, 1, 4], [6, 7], [2, 3, 5])).remarks
    assert remark == (
        "the test samples share their background (33%) and foreground (33%) with the training "
        "samples; data: {split: {by: background}} tests on new ones"
    )


def test_without_backgrounds_all_composites_are_compared():
    found = dataset(LOOK, backgrounds=False, background=[""] * 8)
    (remark,) = find_leakage(found, split([0, 2], [6], [1, 7, 4, 5])).remarks
    assert remark.startswith("25% of the test samples have a near-duplicate")


def test_shares_of_groups_images_and_near_duplicates_are_kept():
    found = dataset(LOOK, background=OWN, scene=FILMS, camera=["left"] * 8)
    shares = find_leakage(found, split([0, 2, 4], [6], [1, 3, 7, 5])).shares
    # One camera and a background for each sample group nothing.
    assert shares.groups == {"scene": 0.75}
    assert shares.near_duplicates == 0.75
    assert shares.same_images == 0.75
    assert find_leakage(found, split([0, 1, 2, 3], [6], [4, 5, 7])).shares.same_images == 0


@pytest.mark.parametrize("by", ["background", "foreground", "both"])
def test_a_split_by_groups_is_met_with_silence(rendered_archive, by):
    rendered = open_dataset([rendered_archive], (64, 64))
    assert find_leakage(rendered, split_rows(rendered.samples, Split(by=by), "")).remarks == []


def test_the_default_split_of_rendered_samples_is_one_short_line(rendered_archive):
    rendered = open_dataset([rendered_archive], (64, 64))
    (remark,) = find_leakage(rendered, split_rows(rendered.samples, Split(), "")).remarks
    assert remark == (
        "the test samples share their background (100%) and foreground (100%) with the training "
        "samples; data: {split: {by: background}} tests on new ones"
    )


@pytest.mark.parametrize("by", ["sample", "background", "scene"])
def test_a_film_leaks_unless_it_is_split_by_film(tmp_path, by):
    path = canonical_archive.write(tmp_path / "film.zip", filmed_archive.entries())
    film = open_dataset([path], (64, 64))
    remarks = find_leakage(film, split_rows(film.samples, Split(by=by), "")).remarks
    if by == "scene":
        assert remarks == []
    else:
        (remark,) = remarks
        assert float(remark.split("%")[0]) > 25
        assert remark.endswith("data: {split: {by: scene}} keeps them together")


class Counted:
    """Images that count how many of them were read."""

    def __init__(self, images):
        self.images, self.shape, self.dtype = images, images.shape, images.dtype
        self.read = 0

    def __getitem__(self, rows):
        found = self.images[rows]
        self.read += len(found)
        return found


def test_of_many_samples_some_runs_are_looked_at(monkeypatch):
    monkeypatch.setattr(leakage, "MAX_SAMPLES", 160)
    look = np.arange(4000) // 5  # films of five frames
    found = dataset(look, background=np.arange(4000), scene=look)
    counted = Counted(found.composites)
    object.__setattr__(found, "composites", counted)
    (remark,) = find_leakage(found, split_rows(found.samples, Split(), "")).remarks
    # A test sample has four neighbours, each of which trains with a probability of 0.6 and is in
    # the same run of ten more often than not: 1 - 0.4^4 = 97 % less some at the runs' ends.
    assert 70 < float(remark.split("%")[0]) <= 100
    assert remark.endswith("data: {split: {by: scene}} keeps them together")
    assert counted.read == 160


@pytest.mark.skipif("MASKDEPTH_REAL_DATA" not in os.environ, reason="MASKDEPTH_REAL_DATA is unset")
def test_a_real_film_leaks():
    room = open_dataset([Path(os.environ["MASKDEPTH_REAL_DATA"]) / "room.zip"], (64, 64))
    remarks = find_leakage(room, split_rows(room.samples, Split(by="background"), "")).remarks
    assert remarks[0].startswith("32% of the test samples have a near-duplicate")
