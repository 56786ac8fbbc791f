"""A grid whose recipes are searched: what may be asked, and which cells that makes."""

import pytest
import yaml

from bench.errors import InputError
from bench.settings import grid_file
from bench.settings.grid import Grid

RATE = {"learning_rate": "log(1e-4, 1e-2)", "trials": 3}
GRID = """
architectures: [unet]
losses: [bce, l1]
seeds: [4, 5]
data: {archive: a.zip}
train: {epochs: 1}
"""


@pytest.fixture
def load(tmp_path):
    def load(tune, **more):
        path = tmp_path / "asked.yaml"
        text = tune if isinstance(tune, str) else yaml.safe_dump(tune, default_flow_style=True)
        path.write_text(f"{yaml.safe_dump(yaml.safe_load(GRID) | more)}tune: {text}")
        return grid_file.load(path)

    return load


def test_choices_are_written_as_people_write_them(load):
    grid = load("{learning_rate: [1e-3, 3e-3], weight_decay: [0, 1e-2], trials: 4}")
    assert grid.tune.spaces == {"learning_rate": (0.001, 0.003), "weight_decay": (0, 0.01)}


def test_a_range_is_written_as_people_write_it(load):
    grid = load(
        "{learning_rate: log(1e-4, 1e-2), weight_decay: log(1e-4, 1e-2), "
        "color_jitter: uniform(0, .2), batch_size: [8, 16], trials: 8}"
    )
    assert grid.tuning.label == (
        "tuned, 8 trials on seed 4: learning_rate log(0.0001, 0.01), "
        "weight_decay log(0.0001, 0.01), batch_size [8, 16], color_jitter uniform(0, 0.2)"
    )
    assert Grid.model_validate_json(grid.model_dump_json()) == grid


@pytest.mark.parametrize(
    ("tune", "line"),
    [
        ({"learnin_rate": 1, "trials": 2}, "unknown key 'tune.learnin_rate'; did you mean 'learn"),
        ({"learning_rate": "log(1e-4, 1e-2)"}, "the key 'tune.trials' is missing"),
        (RATE | {"trials": 1}, "tune.trials: input should be greater than or equal to 2, not 1"),
        (RATE | {"seed": -1}, "tune.seed: a seed is a whole number from 0 to 2^64 - 1, not -1"),
        ({"trials": 2}, "tune: needs a setting to search, as in learning_rate: log(1e-4, 1e-2)"),
        (
            RATE | {"learning_rate": "log(0, 1)"},
            "tune.learning_rate: log(0, 1): needs two positive numbers, the smaller one first",
        ),
        (
            RATE | {"learning_rate": "log(1, 0.1)"},
            "tune.learning_rate: log(1, 0.1): needs two positive numbers, the smaller one first",
        ),
        (
            RATE | {"weight_decay": "uniform(1, 0)"},
            "tune.weight_decay: uniform(1, 0): needs two numbers, the smaller one first",
        ),
        (
            RATE | {"learning_rate": "lgo(1, 2)"},
            "tune.learning_rate: 'lgo(1, 2)' is no range; give log(1e-4, 1e-2), uniform(0, 0.1) or",
        ),
        (
            RATE | {"learning_rate": 0.1},
            "tune.learning_rate: 0.1 is no range; give log(1e-4, 1e-2)",
        ),
        (
            RATE | {"learning_rate": [0.1, 0.1]},
            "tune.learning_rate: [0.1, 0.1] is no list of two or more different numbers",
        ),
        (
            RATE | {"learning_rate": ["a", "b"]},
            "tune.learning_rate: ['a', 'b'] is no list of two or more different numbers",
        ),
        (
            RATE | {"learning_rate": [True, 0.1]},
            "tune.learning_rate: [True, 0.1] is no list of two or more different numbers",
        ),
        (
            RATE | {"batch_size": "log(8, 16)"},
            "tune.batch_size: needs a list of whole numbers, as in [8, 16]",
        ),
        (
            RATE | {"color_jitter": "uniform(0, 2)"},
            "tune: color_jitter: 2: input should be less than 1",
        ),
        (RATE | {"batch_size": [0, 8]}, "tune: batch_size: 0: input should be greater than 0"),
    ],
)
def test_a_mistake_in_the_search_is_told_in_one_line(load, tune, line):
    with pytest.raises(InputError) as error:
        load(tune)
    text = str(error.value).partition("asked.yaml: ")[2]
    assert text.startswith(line)
    assert "\n" not in text


def test_what_is_searched_is_not_in_the_recipe_too(load):
    line = "tune: learning_rate is in the recipe, too; leave it out there or here"
    with pytest.raises(InputError, match=line):
        load(RATE, train={"epochs": 1, "learning_rate": 0.1})
    line = "tune: learning_rate has no effect: every stage has its own"
    with pytest.raises(InputError, match=line):
        load(RATE, train={"stages": [{"epochs": 1, "learning_rate": 0.1}]})


def test_a_batch_that_cannot_be_divided_is_told_before_it_is_tried(load):
    line = "tune: batch_size: 4: accumulate: 4 micro-batches of a batch of 4 hold .* BatchNorm"
    with pytest.raises(InputError, match=line):
        load(RATE | {"batch_size": [4, 16]}, train={"epochs": 1, "accumulate": 4})


def test_every_row_has_the_same_number_of_trials_on_one_seed(load):
    grid = load(RATE)
    trials = list(grid.trials())
    assert [(t.loss.label, t.seed, t.trial) for t in trials] == [
        (loss, 4, number) for loss in ("bce", "l1") for number in range(3)
    ]
    assert len({trial.id for trial in trials}) == 6
    assert {trial.seed for trial in load(RATE | {"seed": 9}).trials()} == {9}
    assert [trial.label for trial in trials[:1]] == ["unet · bce · seed 4 · trial 1 of 3"]


def test_a_grid_that_is_not_tuned_has_no_trials(load):
    grid = load(RATE).model_copy(update={"tune": None})
    assert list(grid.trials()) == []


def test_rows_with_recipes_of_their_own_share_a_setting_that_no_other_grid_has(load):
    cells = [cell for cell in load(RATE).cells() if cell.loss is not None]
    tuning = cells[0].tuning
    found = [
        cell.model_copy(update={"train": tuning.with_found(cell.train, {"learning_rate": rate})})
        for cell, rate in zip(cells, (1e-3, 2e-3, 3e-3, 4e-3), strict=True)
    ]
    assert all(cell.setting == found[0].setting for cell in [*found, *load(RATE).trials()])
    others = [
        load(RATE | {"trials": 4}),
        load(RATE | {"seed": 5}),
        load(RATE | {"learning_rate": "log(1e-4, 1e-1)"}),
        load(RATE).model_copy(update={"tune": None}),
        load(RATE, train={"epochs": 2}),
    ]
    settings = [list(grid.cells())[-1].setting for grid in others]
    assert all(setting != found[0].setting for setting in settings)


def test_what_was_found_enters_the_id_of_a_cell_and_not_that_of_a_trial(load):
    cell = list(load(RATE).cells())[-1]
    recipes = [cell.tuning.with_found(cell.train, {"learning_rate": r}) for r in (1e-3, 2e-3)]
    assert len({cell.model_copy(update={"train": train}).id for train in recipes}) == 2
    trials = [cell.model_copy(update={"train": train, "trial": 0}) for train in recipes]
    assert len({trial.id for trial in trials}) == 1
    untuned = cell.model_copy(update={"tuning": None})
    assert untuned.id != cell.id


def test_a_tuned_grid_is_tried_out_with_two_trials(load):
    assert load(RATE).smoke_test(10).tune.trials == 2
