"""A budget: the third way to say how long a recipe trains."""

import pytest
import yaml

from bench.errors import InputError
from bench.settings import grid_file
from bench.settings.grid import Grid


@pytest.fixture
def load(tmp_path):
    def load(**train):
        content = {
            "architectures": ["unet"],
            "losses": ["bce"],
            "data": {"archive": "a.zip"},
            "train": train,
        }
        path = tmp_path / "asked.yaml"
        path.write_text(yaml.safe_dump(content))
        return grid_file.load(path)

    return load


@pytest.mark.parametrize(
    ("train", "line"),
    [
        ({"budget": {"sample": 9}}, "unknown key 'train.budget.sample'; did you mean 'samples'?"),
        ({"budget": {}}, "train.budget: needs one of samples, seconds and flops, as in {samples: "),
        ({"budget": {"samples": 9, "flops": 9}}, "train.budget: needs one of samples, seconds and"),
        ({"budget": {"seconds": 0}}, "train.budget.seconds: input should be greater than 0, not 0"),
        ({"budget": {"samples": 9}, "epochs": 1}, "train: needs one of epochs, steps and budget"),
        ({"budget": {"samples": 9}, "steps": 1}, "train: needs one of epochs, steps and budget"),
        (
            {"epochs": 1, "stages": [{"budget": {"samples": 9}}]},
            "train: stages.0 needs one of epochs, steps and budget",
        ),
        (
            {"budget": {"seconds": 9}, "schedule": {"epochs": 9}},
            "train: schedule.epochs: has no meaning in a budget of seconds; leave it out",
        ),
    ],
)
def test_a_mistake_in_a_budget_is_told_in_one_line(load, train, line):
    with pytest.raises(InputError) as error:
        load(**train)
    assert str(error.value).partition("asked.yaml: ")[2].startswith(line)


def test_flops_are_read_as_people_write_them(load):
    assert load(budget={"flops": "1e15"}).train.budget.flops == 10**15


def test_every_budget_is_an_experiment_of_its_own(load):
    budgets = [
        {"budget": {unit: number}}
        for unit in ("samples", "seconds", "flops")
        for number in (100, 200)
    ]
    budgets += [{"epochs": 100}, {"steps": 100}]
    assert len({list(load(**budget).cells())[-1].id for budget in budgets}) == len(budgets)


def test_stages_and_the_teacher_may_have_budgets_of_their_own(load):
    teacher = {"architecture": {"name": "unet", "inputs": "composite"}, "budget": {"samples": 5}}
    question = load(
        budget={"samples": 20},
        stages=[{}, {"budget": {"seconds": 3}}, {"budget": {"flops": 7}}],
        teacher=teacher,
    )
    labels = [recipe.budget.label for recipe in question.train.recipes()]
    assert labels == ["20 samples", "3 s", "7 FLOPs"]
    assert question.train.teacher.budget.label == "5 samples"
    assert Grid.model_validate_json(question.model_dump_json()) == question


def test_a_grid_with_budgets_is_tried_out_for_an_epoch(load):
    teacher = {"architecture": {"name": "unet", "inputs": "composite"}, "budget": {"seconds": 5}}
    question = load(
        budget={"samples": 10**9}, stages=[{}, {"budget": {"flops": 1e30}}], teacher=teacher
    ).smoke_test(10)
    recipes = [*question.train.recipes(), question.train.teacher]
    assert [(recipe.epochs, recipe.budget) for recipe in recipes] == [(1, None)] * 3
    assert Grid.model_validate_json(question.model_dump_json()) == question


def test_a_clock_makes_a_training_unrepeatable_wherever_it_is(load):
    teacher = {"architecture": {"name": "unet", "inputs": "composite"}, "budget": {"seconds": 5}}
    assert load(budget={"seconds": 9}).train.is_timed
    assert load(epochs=1, teacher=teacher).train.is_timed
    assert not load(budget={"samples": 9}).train.is_timed
