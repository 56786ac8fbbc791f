import numpy as np
import pytest
from replayed_race import replay
from scipy import stats
from simulated_worlds import World

from bench.statistics.panel import Panel
from bench.statistics.race import looks_of, still_racing

LOOKS = (2, 3, 5, 7, 10)
CLEAR = World(means=(0, 40, 100, 100.2), seeds=10, images=100, seed_sd=1, residual_sd=2)


def test_looks_end_with_the_last_seed():
    assert looks_of(10) == LOOKS
    assert looks_of(5) == (2, 3, 5)
    assert looks_of(6) == (2, 3, 5, 6)
    assert looks_of(1) == (1,)


def test_rows_far_behind_leave_at_once_and_equal_ones_stay():
    decisions = replay(CLEAR.panel(np.random.default_rng(0)), LOOKS)
    assert list(decisions[0].racing) == [False, False, True, True]
    assert set(decisions[0].beaten_by[:2]) <= {1, 2, 3}
    assert [decision.seeds for decision in decisions] == list(LOOKS)
    assert list(decisions[-1].beaten_by[:2]) == [-1, -1]  # it was the first look that said so


def test_the_error_is_spent_in_proportion_to_the_seeds():
    decisions = replay(CLEAR.panel(np.random.default_rng(0)), LOOKS)
    assert [decision.error for decision in decisions] == pytest.approx(
        [0.01, 0.005, 0.01, 0.01, 0.015]
    )


def test_where_lower_is_better_the_others_leave():
    decisions = replay(CLEAR.panel(np.random.default_rng(0)), LOOKS, higher_is_better=False)
    assert list(decisions[0].racing) == [True, False, False, False]
    assert len(decisions) == 1  # nobody is left to race with


def test_a_row_of_which_one_seed_is_known_neither_beats_nor_is_beaten():
    """With two rows there is no other one to borrow a variance between seeds from."""
    panel = World(means=(0, 100), seeds=(2, 1), seed_sd=0.1, row_sd=0.1, residual_sd=0.1).panel(
        np.random.default_rng(0)
    )
    assert still_racing(panel, np.ones(2, bool), LOOKS, 0).racing.all()
    assert still_racing(panel, np.ones(2, bool), LOOKS, 0, higher_is_better=False).racing.all()


def test_a_race_keeps_the_full_designs_best_and_saves_runs():
    """16 rows whose true sd is four times the seeds': the page of the method promises 98 %."""
    rng = np.random.default_rng(0)
    kept, used, number = 0, [], 40
    for _ in range(number):
        means = tuple(4 * rng.standard_normal(16))
        world = World(means=means, seeds=10, images=180, residual_sd=6)
        panel = world.panel(rng)
        decisions = replay(panel, LOOKS)
        kept += bool(decisions[-1].racing[np.argmax(panel.means)])
        racing_before = [np.ones(16, bool), *(decision.racing for decision in decisions)]
        added = np.diff([0, *LOOKS])
        used.append(
            sum(more * racing.sum() for more, racing in zip(added, racing_before, strict=False))
            / 160
        )
    assert kept >= 0.95 * number
    assert 0.2 < np.mean(used) < 0.6


def test_rows_of_which_one_seed_is_known_stay():
    panel = World(means=(0, 100), seeds=1, seed_sd=1).panel(np.random.default_rng(0))
    assert replay(panel, looks_of(1))[0].racing.all()


def test_a_row_is_out_where_its_p_value_is_below_the_error_of_the_look():
    """Welch's t, one-sided: p is 0.019 at a distance of 2.5 and 0.012 at 2.9."""
    seeds = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    for distance, stays in ((2.5, True), (2.9, False)):
        p = stats.ttest_ind(seeds[:, 0] + distance, seeds[:, 0], alternative="greater").pvalue
        assert (p > 0.05 * 3 / 10) == stays
        decision = still_racing(Panel([seeds + distance, seeds]), np.ones(2, bool), (3, 10), 0)
        assert decision.racing[1] == stays
