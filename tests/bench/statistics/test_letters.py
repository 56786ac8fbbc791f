"""Letters of ties: two rows share one if and only if neither is better."""

import itertools

import numpy as np
import pytest

from bench.statistics.letters import MOST, compact_letters


@pytest.mark.parametrize("seed", range(30))
def test_rows_share_a_letter_if_and_only_if_neither_is_better(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=9)
    needed = np.abs(rng.normal(0.5, 0.5, (9, 9)))  # unequal standard errors: no plain order
    better = scores[:, None] - scores > (needed + needed.T) / 2
    letters = compact_letters(better, list(np.argsort(-scores)))
    for one, other in itertools.combinations(range(9), 2):
        shared = set(letters[one]) & set(letters[other])
        assert bool(shared) == (not better[one, other] and not better[other, one])
    assert all(letters)
    assert "a" in letters[int(np.argmax(scores))]


def test_no_letter_is_needless():
    """A chain in which only the ends differ takes two letters, not three."""
    better = np.zeros((3, 3), bool)
    better[0, 2] = True
    assert compact_letters(better, [0, 1, 2]) == ("a", "ab", "b")


def test_letters_go_on_after_z():
    better = np.triu(np.ones((28, 28), bool), 1)
    letters = compact_letters(better, list(range(28)))
    assert letters[25:] == ("z", "a1", "b1")


def test_hundreds_of_rows_have_their_letters_at_once():
    """In a chain each row ties with the five before and behind it: a letter for each six."""
    rows = 200
    better = np.triu(np.ones((rows, rows), bool), 6)
    letters = compact_letters(better, list(range(rows)))
    assert len(set(letters)) == rows
    assert letters[0] == "a"
    assert letters[-1] == "m7"  # the letters are 195: 7 * 26 + 13


def test_more_letters_than_a_reader_can_use_are_left_out():
    rows = MOST + 1
    better = np.triu(np.ones((rows, rows), bool), 1)
    assert compact_letters(better, list(range(rows))) == ("",) * rows


def test_no_rows_have_no_letters():
    assert compact_letters(np.zeros((2, 2), bool), []) == ("", "")
