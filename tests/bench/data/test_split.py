import re

import numpy as np
import pytest
import torch

from bench.data.split import split_rows
from bench.errors import InputError
from bench.settings import Split

KEYS = np.array([f"s{i:03d}" for i in range(200)])


def sides(split):
    return {"train": split.train, "val": split.val, "test": split.test}


def test_the_sides_share_nothing_and_lose_nothing():
    split = split_rows(KEYS, Split(), "f")
    assert sorted(np.concatenate(list(sides(split).values())).tolist()) == list(range(200))
    assert {name: len(rows) for name, rows in sides(split).items()} == {
        "train": 120,
        "val": 20,
        "test": 60,
    }


def test_one_seed_gives_one_split_and_another_seed_another():
    first, again = (split_rows(KEYS, Split(seed=1), "f") for _ in range(2))
    other = split_rows(KEYS, Split(seed=2), "f")
    assert all(np.array_equal(sides(first)[name], sides(again)[name]) for name in sides(first))
    assert first.digest == again.digest
    assert not np.array_equal(first.test, other.test)
    assert first.digest != other.digest


def test_the_order_of_the_samples_does_not_matter():
    backwards = KEYS[::-1]
    here, there = split_rows(KEYS, Split(), "f"), split_rows(backwards, Split(), "f")
    assert set(KEYS[here.test]) == set(backwards[there.test])


def test_a_changed_archive_changes_the_digest():
    assert split_rows(KEYS, Split(), "f").digest != split_rows(KEYS, Split(), "g").digest


def test_an_empty_side_is_refused():
    with pytest.raises(InputError, match="3 samples leave none for val"):
        split_rows(KEYS[:3], Split(), "f")


def test_the_draw_of_torch_is_that_of_its_random_split():
    torch.manual_seed(0)
    whole = torch.utils.data.random_split(range(187), [187 * 70 // 100, 187 - 187 * 70 // 100])
    split = split_rows(KEYS[:187], Split(method="torch_random_split"), "f")
    assert split.test.tolist() == sorted(whole[1].indices)
    assert sorted([*split.train, *split.val]) == sorted(whole[0].indices)
    assert len(split.val) == 19


def test_the_draw_of_scikit_learn_is_that_of_its_train_test_split():
    # train_test_split(np.arange(23), test_size=0.2, random_state=42) of scikit-learn
    asked = Split(method="sklearn_train_test_split", train=0.7, val=0.1, test=0.2, seed=42)
    split = split_rows(KEYS[:23], asked, "f")
    assert split.test.tolist() == [0, 8, 9, 15, 17]
    assert split.val.tolist() == [6, 19]  # the last two of its training images
    assert len(split.train) == 16


def test_a_limit_draws_from_the_whole_archive():
    split = split_rows(KEYS, Split(), "f", limit=20)
    rows = np.concatenate(list(sides(split).values()))
    assert len(set(rows)) == 20
    assert rows.max() > 100
    assert split.digest != split_rows(KEYS, Split(), "f").digest


@pytest.fixture
def listed(tmp_path):
    def listed(text):
        path = tmp_path / "split.csv"
        path.write_text(text)
        return split_rows(KEYS, Split(file=str(path)), "f")

    return listed


def test_a_list_gives_the_sides(listed):
    split = listed("key,side\ns003,test\ns001,train\ns002,val\ns000,train\n")
    assert {name: rows.tolist() for name, rows in sides(split).items()} == {
        "train": [0, 1],
        "val": [2],
        "test": [3],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,side\n", "needs the columns key,side"),
        ("key,side\ns000,train\ns000,test\n", "the key s000 stands twice"),
        ("key,side\ns000,trian\n", "s000 has the side 'trian'; did you mean 'train'?"),
        ("key,side\nx,train\n", "x is no sample of the archive"),
        ("key,side\ns000,train\ns001,val\n", "leave none for test"),
    ],
)
def test_a_wrong_list_is_refused(listed, text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        listed(text)
