import itertools
import re

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from bench.data.split import split_rows, write_split
from bench.data.split_by_group import missed_by_groups
from bench.errors import InputError
from bench.settings import Split

SAMPLES = pd.DataFrame({"key": [f"s{i:03d}" for i in range(200)]})


def subsets(split):
    return {"train": split.train, "val": split.val, "test": split.test}


def test_the_subsets_share_nothing_and_lose_nothing():
    split = split_rows(SAMPLES, Split(), "f")
    assert sorted(np.concatenate(list(subsets(split).values())).tolist()) == list(range(200))
    assert {name: len(rows) for name, rows in subsets(split).items()} == {
        "train": 120,
        "val": 20,
        "test": 60,
    }


def test_one_seed_gives_one_split_and_another_seed_another():
    first, again = (split_rows(SAMPLES, Split(seed=1), "f") for _ in range(2))
    other = split_rows(SAMPLES, Split(seed=2), "f")
    assert all(
        np.array_equal(subsets(first)[name], subsets(again)[name]) for name in subsets(first)
    )
    assert first.digest == again.digest
    assert not np.array_equal(first.test, other.test)
    assert first.digest != other.digest


def test_the_order_of_the_samples_does_not_matter():
    backwards = SAMPLES[::-1].reset_index(drop=True)
    here, there = split_rows(SAMPLES, Split(), "f"), split_rows(backwards, Split(), "f")
    assert set(SAMPLES["key"][here.test]) == set(backwards["key"][there.test])


@pytest.mark.parametrize(
    ("split", "limit", "digest"),
    [
        (Split(), None, "cd176de765ddfbfc"),
        (Split(), 20, "60ebfc59b72ae500"),
        (Split(method="torch_random_split"), None, "177e4e8b186cd98e"),
        (Split(method="sklearn_train_test_split", seed=7), None, "8b6c3120805373dd"),
    ],
)
def test_the_splits_of_finished_studies_stay_as_they_are(split, limit, digest):
    assert split_rows(SAMPLES, split, "f", limit=limit).digest == digest


def test_a_changed_archive_changes_the_digest():
    assert split_rows(SAMPLES, Split(), "f").digest != split_rows(SAMPLES, Split(), "g").digest


def test_an_empty_subset_is_refused():
    with pytest.raises(InputError, match="3 samples leave none for val"):
        split_rows(SAMPLES[:3], Split(), "f")


def test_the_draw_of_torch_is_that_of_its_random_split():
    torch.manual_seed(0)
    whole = torch.utils.data.random_split(range(187), [187 * 70 // 100, 187 - 187 * 70 // 100])
    split = split_rows(SAMPLES[:187], Split(method="torch_random_split"), "f")
    assert split.test.tolist() == sorted(whole[1].indices)
    assert sorted([*split.train, *split.val]) == sorted(whole[0].indices)
    assert len(split.val) == 19


@pytest.mark.parametrize("count", range(11, 60, 3))
@pytest.mark.parametrize(("train", "val", "test"), [(0.6, 0.1, 0.3), (0.5, 0.25, 0.25)])
def test_the_draw_of_fractions_is_that_of_torchs_random_split(count, train, val, test):
    asked = Split(
        method="torch_random_split_fractions", train=train, val=val, test=test, seed=count
    )
    split = split_rows(SAMPLES[:count], asked, "f")

    def drawn(*fractions):
        torch.manual_seed(count)
        parts = torch.utils.data.random_split(range(count), fractions)
        return [sorted(part.indices) for part in parts]

    assert [rows.tolist() for rows in subsets(split).values()] == drawn(train, val, test)
    learned, tested = drawn(1 - test, test)  # a call that selects no epoch
    assert split.test.tolist() == tested
    assert sorted([*split.train, *split.val]) == learned


def test_shares_that_a_count_in_percents_would_round_are_refused():
    shares = {"train": 0.5, "val": 0.167, "test": 0.333}
    with pytest.raises(ValidationError, match=r"train \+ val is 66\.7 %; for random_split\(data, "):
        Split(method="torch_random_split", **shares)
    split = split_rows(SAMPLES, Split(method="torch_random_split_fractions", **shares), "f")
    assert counts(split) == (101, 33, 66, 0)  # 100, 33.4 and 66.6, and one that is left


def test_the_draw_of_scikit_learn_is_that_of_its_train_test_split():
    # train_test_split(np.arange(23), test_size=0.2, random_state=42) of scikit-learn
    asked = Split(method="sklearn_train_test_split", train=0.7, val=0.1, test=0.2, seed=42)
    split = split_rows(SAMPLES[:23], asked, "f")
    assert split.test.tolist() == [0, 8, 9, 15, 17]
    assert split.val.tolist() == [6, 19]  # the last two of its training images
    assert len(split.train) == 16


def test_a_limit_draws_from_the_whole_archive():
    split = split_rows(SAMPLES, Split(), "f", limit=20)
    rows = np.concatenate(list(subsets(split).values()))
    assert len(set(rows)) == 20
    assert rows.max() > 100
    assert split.digest != split_rows(SAMPLES, Split(), "f").digest


@pytest.fixture
def listed(tmp_path):
    def listed(text):
        path = tmp_path / "split.csv"
        path.write_text(text)
        return split_rows(SAMPLES, Split(file=str(path)), "f")

    return listed


@pytest.mark.parametrize("column", ["subset", "side"])  # as it is called, and as it was
def test_a_list_gives_the_subsets(listed, column):
    split = listed(f"key,{column}\ns003,test\ns001,train\ns002,val\ns000,train\n")
    assert {name: rows.tolist() for name, rows in subsets(split).items()} == {
        "train": [0, 1],
        "val": [2],
        "test": [3],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,subset\n", "needs the columns key,subset"),
        ("key,subset\ns000,train\ns000,test\n", "the key s000 is listed twice"),
        ("key,subset\ns000,trian\n", "s000 has the subset 'trian'; did you mean 'train'?"),
        ("key,subset\nx,train\n", "x is no sample of the archive"),
        ("key,subset\ns000,train\ns001,val\n", "leave none for test"),
    ],
)
def test_a_wrong_list_is_refused(listed, text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        listed(text)


# Every one of ten objects stands twice in every one of ten scenes.
CROSS = pd.DataFrame(
    [
        (f"b{b}_f{f}_{n}", f"b{b}", f"f{f}")
        for b, f, n in itertools.product(range(10), range(10), range(2))
    ],
    columns=["key", "background", "foreground"],
)


def values(samples, split, column):
    return {name: set(samples[column].iloc[rows]) for name, rows in subsets(split).items()}


def shared(samples, split, column):
    """The values that are in more than one subset."""
    found = values(samples, split, column)
    return set().union(*(a & b for a, b in itertools.combinations(found.values(), 2)))


def counts(split):
    return len(split.train), len(split.val), len(split.test), split.left_out


def test_a_draw_of_samples_shares_every_background_and_foreground():
    split = split_rows(CROSS, Split(), "f")
    assert shared(CROSS, split, "background") == set(CROSS["background"])
    assert shared(CROSS, split, "foreground") == set(CROSS["foreground"])
    assert split.left_out == 0


@pytest.mark.parametrize(
    ("by", "other"), [("background", "foreground"), ("foreground", "background")]
)
def test_a_draw_of_groups_puts_each_into_one_subset(by, other):
    split = split_rows(CROSS, Split(by=by), "f")
    assert not shared(CROSS, split, by)
    assert shared(CROSS, split, other) == set(CROSS[other])
    assert counts(split) == (120, 20, 60, 0)


@pytest.mark.parametrize("seed", range(5))
def test_by_both_shares_neither_and_leaves_the_mixed_samples_out(seed):
    split = split_rows(CROSS, Split(by="both", seed=seed), "f")
    assert not shared(CROSS, split, "background")
    assert not shared(CROSS, split, "foreground")
    # 6 x 6, 1 x 1 and 3 x 3 of the 10 x 10 pairs, two samples each
    assert counts(split) == (72, 2, 18, 108)
    assert len(set(np.concatenate(list(subsets(split).values())))) == 92


def test_by_both_draws_backgrounds_and_foregrounds_independently():
    split = split_rows(CROSS, Split(by="both"), "f")
    trained = values(CROSS, split, "background")["train"]
    assert {
        name.replace("f", "b") for name in values(CROSS, split, "foreground")["train"]
    } != trained


@pytest.mark.parametrize("seed", range(5))
def test_groups_of_unlike_size_meet_the_shares(seed):
    # 6, 1 and 3 of ten samples can be met: the six; a single one; the two and the other single one
    samples = pd.DataFrame({"key": [f"s{i}" for i in range(10)], "place": list("aaaaaabccd")})
    split = split_rows(samples, Split(by="place", seed=seed), "f")
    assert counts(split) == (6, 1, 3, 0)
    assert values(samples, split, "place")["train"] == {"a"}


def test_three_groups_are_one_for_each_subset():
    samples = pd.DataFrame({"key": [f"s{i}" for i in range(12)], "place": list("abc") * 4})
    assert counts(split_rows(samples, Split(by="place"), "f")) == (4, 4, 4, 0)


def test_the_seed_draws_the_groups():
    drawn = {
        frozenset(
            values(CROSS, split_rows(CROSS, Split(by="background", seed=s), "f"), "background")[
                "test"
            ]
        )
        for s in range(10)
    }
    assert len(drawn) > 5


@pytest.mark.parametrize("limit", [None, 80])
@pytest.mark.parametrize("by", ["background", "both"])
def test_the_order_of_the_samples_does_not_matter_to_groups(by, limit):
    mixed = CROSS.sample(frac=1, random_state=0).reset_index(drop=True)
    here, there = (
        values(samples, split_rows(samples, Split(by=by), "f", limit=limit), "key")
        for samples in (CROSS, mixed)
    )
    assert here == there


def test_groups_are_drawn_from_the_limited_samples():
    split = split_rows(CROSS, Split(by="background"), "f", limit=80)
    assert sum(counts(split)) == 80
    assert not shared(CROSS, split, "background")


@pytest.mark.parametrize(
    ("by", "samples", "message"),
    [
        ("scen", CROSS.assign(scene="a"), "have no column 'scen'; did you mean 'scene'?"),
        ("both", CROSS.drop(columns="foreground"), "no column 'foreground' (choices: sample, bac"),
        ("key", CROSS, "have no column 'key'"),
        ("scene", CROSS.assign(scene="a"), "three groups or more, but scene is only a"),
        ("scene", CROSS.assign(scene=None), "the sample b0_f0_0 has no scene"),
        ("scene", CROSS.assign(scene=""), "the sample b0_f0_0 has no scene"),
    ],
)
def test_a_column_that_cannot_be_split_by_is_refused(by, samples, message):
    with pytest.raises(InputError, match=re.escape(message)):
        split_rows(samples, Split(by=by), "f")


def test_by_both_says_which_subset_is_empty():
    diagonal = CROSS[CROSS["background"].str[1:] == CROSS["foreground"].str[1:]]
    with pytest.raises(InputError, match=r"data\.split: \d+ samples leave none for val"):
        split_rows(diagonal.reset_index(drop=True), Split(by="both"), "f")


@pytest.mark.parametrize(
    "beside",
    [
        {"method": "torch_random_split_fractions"},
        {"method": "sklearn_train_test_split"},
        {"file": "a"},
    ],
)
def test_groups_are_drawn_by_shuffling_only(beside):
    with pytest.raises(ValidationError, match=r"needs method: shuffle|leave by out"):
        Split(by="background", **beside)


@pytest.mark.parametrize(
    ("split", "label"),
    [
        (Split(), "shuffle, seed 0"),
        (Split(by="scene", seed=3), "shuffle by scene, seed 3"),
        (Split(by="both"), "shuffle by background and foreground, seed 0"),
        (Split(method="torch_random_split"), "torch_random_split, seed 0"),
        (Split(file="mine.csv"), "mine.csv"),
    ],
)
def test_a_split_is_named_in_words(split, label):
    assert split.label == label


@pytest.mark.parametrize("by", ["sample", "both"])
def test_a_written_split_is_read_back(tmp_path, by):
    path = tmp_path / "new" / "split.csv"
    split = split_rows(CROSS, Split(by=by), "f")
    write_split(path, CROSS, split)
    assert path.read_text().startswith("key,subset\nb0_f")
    again = split_rows(CROSS, Split(file=str(path)), "f")
    assert again.digest == split.digest
    assert counts(again) == counts(split)


def test_a_split_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def full(self, target):
        raise OSError("the disk is full")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(InputError, match=r"split\.csv: cannot be written: the disk is full"):
        write_split(tmp_path / "split.csv", CROSS, split_rows(CROSS, Split(), "f"))
    assert not list(tmp_path.iterdir())


def of_backgrounds(count):
    return CROSS[CROSS["background"].isin([f"b{b}" for b in range(count)])].reset_index(drop=True)


@pytest.mark.parametrize(
    ("count", "shares", "got", "cure"),
    [
        (6, {}, ["67%, 17% and 17%"], "a larger test share, or 7 backgrounds or more"),
        (5, {}, ["60%, 20% and 20%"], "a larger test share, or 7 backgrounds or more"),
        (3, {}, ["33%, 33% and 33%"], "7 backgrounds or more"),  # a subset has one at least
        (10, {"test": 0.1, "train": 0.8}, [], "a larger test share, or 15 backgrounds or more"),
    ],
)
def test_shares_that_whole_groups_cannot_give_are_told(count, shares, got, cure):
    samples, asked = of_backgrounds(count), Split(by="background", **shares)
    *of_shares, of_test = missed_by_groups(samples, asked, split_rows(samples, asked, "f"))
    whole = f"were asked for: it draws whole backgrounds, and there are {count}"
    assert of_shares == [
        f"the split gives {shares} of the samples to train, val and test, where 60%, 10% and 30% "
        + whole
        for shares in got
    ]
    assert of_test == (
        f"all test images are of 1 of {count} backgrounds, so that no interval and no rank can be "
        f"given for other backgrounds: take {cure}"
    )


def test_groups_drawn_twice_are_told_of_that_of_which_one_tests():
    samples, asked = of_backgrounds(6), Split(by="both")
    (remark,) = missed_by_groups(samples, asked, split_rows(samples, asked, "f"))
    assert remark.startswith("all test images are of 1 of 6 backgrounds, so that no interval")


@pytest.mark.parametrize("asked", [Split(), Split(by="background"), Split(by="both")])
def test_nothing_is_told_of_shares_that_are_met(asked):
    assert missed_by_groups(CROSS, asked, split_rows(CROSS, asked, "f")) == []
