"""What cells take, from costs that are made up."""

import pytest

from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.settings.tuning import Tune
from bench.study.estimate import Cost, Estimate, StageCost, row_of
from bench.study.plan import PlannedCell, State, in_order_of_work

UNET, DENSENET = Architecture(name="unet"), Architecture(name="densenet")
BCE = LossPair(mask="bce", depth="bce")


def asked(**sections):
    content = {
        "architectures": (UNET, DENSENET),
        "losses": (BCE,),
        "seeds": (0, 1, 2),
        "data": Data(archive=("a.zip",)),
        "train": Train(epochs=1),
    }
    return Grid(**content | sections)


def stage(**fields):
    content = {
        "setup_s": 1.0,
        "step_s": 0.5,
        "validation_s": 2.0,
        "steps_per_epoch": 10,
        "steps": 40,
    }
    return StageCost(**content | fields)


def estimated(grid, seconds, cells=None, **fields):
    """An estimate in which a network takes so long; its trials 1 s less."""
    cells = list(grid.cells()) if cells is None else cells
    costs = {}
    for cell in (*grid.cells(), *cells):
        of_network = seconds.get(cell.architecture.name, 0.0)
        costs[row_of(cell)] = (
            of_network
            if isinstance(of_network, str)
            else Cost(around_s=of_network, test_s=1.0 * (cell.loss is not None), **fields)
        )
    return Estimate(grid, cells, costs)


def networks(grid):
    return [cell for cell in grid.cells() if cell.loss is not None]


def test_a_stage_is_its_setup_its_steps_and_a_validation_an_epoch():
    assert stage().seconds == 1 + 40 * 0.5 + 4 * 2


def test_an_epoch_that_is_cut_short_is_validated_too():
    assert stage(steps=41).seconds == 1 + 41 * 0.5 + 5 * 2
    assert stage(steps=3).seconds == 1 + 3 * 0.5 + 1 * 2


def test_a_budget_of_seconds_is_the_time_of_training_and_only_tells_the_epochs():
    # 33 s are 66 steps of half a second: six epochs of ten, and one that is cut short
    assert stage(steps=None, budget_s=33.0).seconds == 1 + 33 + 7 * 2
    # of a step that takes longer than the budget there is still one
    assert stage(steps=None, budget_s=0.1).seconds == pytest.approx(1 + 0.1 + 2)


def test_a_cell_is_its_stages_the_test_and_what_is_around():
    cost = Cost(stages=(stage(), stage(steps=10)), test_s=3.0, around_s=0.25)
    assert cost.cell_s == 29 + 8 + 3 + 0.25
    assert cost.trial_s == 29 + 8 + 0.25
    assert cost.teacher_s == 0


def test_cells_end_one_after_the_other():
    grid = asked(seeds=(0,))
    ends = estimated(grid, {"unet": 9.0, "densenet": 4.0}, networks(grid)).ends_s()
    assert ends == [10.0, 15.0]


def test_the_first_cell_of_each_seed_trains_the_teacher():
    grid = asked()
    found = estimated(grid, {"unet": 9.0, "densenet": 9.0}, networks(grid), teacher=(stage(),))
    assert found.ends_s() == [39.0, 49.0, 88.0, 98.0, 137.0, 147.0]


def test_a_probe_that_found_the_teacher_trained_does_not_count_it_out():
    grid = asked(seeds=(0,))
    found = estimated(grid, {"unet": 9.0, "densenet": 9.0}, networks(grid))
    (with_teacher, _) = networks(grid)
    costs = found.costs | {row_of(with_teacher): Cost(around_s=10.0, teacher=(stage(),))}
    assert Estimate(grid, found.cells, costs).ends_s() == [39.0, 49.0]


def test_a_cell_whose_probe_failed_counts_for_nothing():
    grid = asked(seeds=(0,))
    found = estimated(grid, {"unet": "out of memory", "densenet": 4.0}, kept_bytes=100)
    assert found.ends_s()[-1] == 5.0
    assert found.kept_bytes() == 6 * 100  # five baselines and the other network


def test_cells_fit_in_the_order_of_work():
    grid = asked()
    found = estimated(grid, {"unet": 9.0, "densenet": 4.0}, networks(grid))
    assert [found.fitting(seconds) for seconds in (9.9, 10, 14.9, 15, 45, 1e6)] == [
        0,
        1,
        1,
        2,
        6,
        6,
    ]


def test_seeds_of_the_whole_grid_do_not_depend_on_what_is_left_to_run():
    grid = asked()
    all_left = estimated(grid, {"unet": 9.0, "densenet": 4.0, "empty mask": 2.0})
    none_left = Estimate(grid, [], all_left.costs)
    for found in (all_left, none_left):
        # the baseline once, and 15 s a seed
        assert [found.seeds_within(seconds) for seconds in (1, 16.9, 17, 46.9, 47)] == [
            0,
            0,
            1,
            2,
            3,
        ]


def test_a_teacher_is_trained_for_each_seed():
    grid = asked()
    found = estimated(grid, {"unet": 9.0, "densenet": 4.0}, teacher=(stage(),))
    assert [found.seeds_within(seconds) for seconds in (43.9, 44, 88)] == [0, 1, 2]


def tuned(**fields):
    return asked(tune=Tune(trials=2, learning_rate="log(1e-4, 1e-2)", **fields))


def test_trials_are_taken_one_of_each_row_at_a_time_and_are_not_tested():
    grid = tuned()
    planned = [PlannedCell(cell, State.MISSING) for cell in (*grid.trials(), *grid.cells())]
    order = [one.cell for one in in_order_of_work(planned)]
    names = [(cell.architecture.name, cell.trial) for cell in order[:4]]
    assert names == [("unet", 0), ("densenet", 0), ("unet", 1), ("densenet", 1)]
    assert order[4:] == list(grid.cells())
    found = estimated(grid, {"unet": 9.0, "densenet": 4.0}, order, kept_bytes=100)
    assert found.ends_s()[3] == 2 * (9 + 4)
    assert found.ends_s()[-1] == 26 + 3 * 15
    assert found.kept_bytes() == 100 * (5 + 6)


def test_trials_are_made_once_for_all_seeds():
    found = estimated(tuned(), {"unet": 9.0, "densenet": 4.0})
    assert [found.seeds_within(seconds) for seconds in (40.9, 41, 56)] == [0, 1, 2]


def test_trials_of_a_seed_of_their_own_need_a_teacher_of_their_own():
    seconds = {"unet": 9.0, "densenet": 4.0}
    shared = estimated(tuned(), seconds, teacher=(stage(),))
    own = estimated(tuned(seed=7), seconds, teacher=(stage(),))
    assert shared.seeds_within(26 + 15 + 29) == 1
    assert own.seeds_within(26 + 15 + 29 + 28.9) == 0
    assert own.seeds_within(26 + 15 + 29 + 29) == 1


def test_checkpoints_are_one_at_a_time_and_replace_each_other():
    grid = asked()
    assert estimated(grid, {}, networks(grid), checkpoint_bytes=7).checkpoint_bytes() == 14
    assert Estimate(grid, [], {}).checkpoint_bytes() == 0


def test_seeds_need_the_cost_of_every_row():
    grid = asked()
    with pytest.raises(ValueError, match="not every row"):
        Estimate(grid, [], {}).seeds_within(60)
