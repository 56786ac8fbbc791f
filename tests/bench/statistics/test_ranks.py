import numpy as np
import pytest
from scipy import stats
from simulated_worlds import World

from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.ranks import rank

CLEAR = World(means=(0, 50, 100, 100), seeds=5, seed_sd=1)


def ranking(world=CLEAR, seed=0, **settings):
    return rank(world.panel(np.random.default_rng(seed)), np.random.default_rng(1), **settings)


def test_clear_differences_give_ranks_letters_and_the_best():
    found = ranking()
    assert list(found.low) == [4, 3, 1, 1]
    assert list(found.high) == [4, 3, 2, 2]
    assert found.letters == ("c", "b", "a", "a")
    assert list(found.in_best_set) == [False, False, True, True]


def test_where_lower_is_better_the_order_turns():
    found = ranking(higher_is_better=False)
    assert list(found.low) == [1, 2, 3, 3]
    assert found.letters == ("a", "b", "c", "c")


def test_a_row_of_one_seed_is_unranked_unless_it_can_borrow():
    unranked = ranking(World(means=(0, 50, 100), seeds=(2, 2, 1)))
    assert list(unranked.ranked) == [True, True, False]
    assert (unranked.low[2], unranked.letters[2], unranked.in_best_set[2]) == (0, "", False)
    assert list(unranked.high) == [2, 1, 0]
    borrowing = ranking(World(means=(0, 50, 100, 150), seeds=(5, 5, 5, 1)))
    assert list(borrowing.high) == [4, 3, 2, 1]


def test_only_the_asked_rows_are_compared():
    found = ranking(rows=np.array([True, True, False, False]))
    assert list(found.low) == [2, 1, 0, 0]
    assert found.letters == ("b", "a", "", "")


def test_a_pair_alone_has_the_critical_value_of_students_t():
    """Two rows whose seeds are all that varies, of known variance."""
    values = np.array([[[1.0] * 2], [[1.0] * 2]]).repeat(3, axis=1)
    seeds = SeedVariances(np.ones(2), np.full(2, 1e6))
    found = rank(Panel(list(values)), np.random.default_rng(0), seeds=seeds)
    assert found.critical == pytest.approx(1.96, abs=0.05)


def test_many_equal_rows_have_the_critical_value_of_the_studentised_range():
    values = np.ones((6, 3, 2))
    seeds = SeedVariances(np.ones(6), np.full(6, 1e6))
    found = rank(Panel(list(values)), np.random.default_rng(0), seeds=seeds)
    tukey = stats.studentized_range.ppf(0.95, 6, 1e5) / 2**0.5
    assert found.critical == pytest.approx(tukey, abs=0.05)


def test_the_same_input_and_generator_give_the_same_ranking():
    first, second = ranking(), ranking()
    assert first.critical == second.critical
    assert ranking(World(means=(0, 1, 2), seeds=3)).critical != first.critical
