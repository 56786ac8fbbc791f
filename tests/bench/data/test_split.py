import numpy as np
import pytest

from bench.data.split import split_rows
from bench.errors import InputError
from bench.grid import Split

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
