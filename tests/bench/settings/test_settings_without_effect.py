"""A setting that is given and has no effect beside the others is an error."""

import pytest
from pydantic import ValidationError

from bench.settings import LossPair, Teacher, Train

TEACHER = {"architecture": {"name": "unet", "inputs": "composite"}}


def mistake(settings, **given):
    """The one line that a mistake in some settings is told in."""
    with pytest.raises(ValidationError) as error:
        settings(**given)
    text = str(error.value.errors()[0]["ctx"]["error"])
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"momentum": 0.8},
            "momentum has no effect with adamw; leave it out, or take optimizer: sgd",
        ),
        ({"optimizer": "adam", "nesterov": True}, "nesterov has no effect with adam"),
        (
            {"optimizer": "sgd", "momentum": 0.8},
            "momentum has no effect in one_cycle, which moves it between base_momentum and max_mom",
        ),
        (
            {"optimizer": "sgd", "schedule": "constant", "momentum": 0, "nesterov": True},
            "nesterov needs a momentum above 0",
        ),
        (
            {"schedule": {"name": "cosine", "pct_start": 0.3}},
            "pct_start has no effect: it belongs to one_cycle, not cosine",
        ),
        (
            {"schedule": {"name": "constant", "epochs": 9}},
            "epochs has no effect: it belongs to one_cycle, not constant",
        ),
        (
            {"schedule": {"epochs": 3}},
            "schedule.epochs: a cycle of 3 epochs is shorter than the 4 epochs of training",
        ),
        (
            {"batch_size": 7, "accumulate": 4},
            (
                "accumulate: 4 micro-batches of a batch of 7 hold fewer than 2 images each, which "
                "BatchNorm needs; give at most 3"
            ),
        ),
        (
            {"batch_size": 1, "accumulate": 2},
            (
                "accumulate: 2 micro-batches of a batch of 1 hold fewer than 2 images each, which "
                "BatchNorm needs; give at most 1"
            ),
        ),
        (
            {"accumulate": 8, "stages": [{}, {"batch_size": 8}]},
            "stages.1 accumulate: 8 micro-batches of a batch of 8 hold fewer than 2",
        ),
        ({"losses": "bce"}, "losses would take the place of every cell's"),
        (
            {"stages": [{"epochs": 1}, {"epochs": 2}]},
            "epochs has no effect outside of the stages: none of them takes it",
        ),
    ],
)
def test_a_recipe_is_told_what_it_does_not_use(given, line):
    assert mistake(Train, epochs=4, **given).startswith(line)


def test_what_a_stage_gives_and_does_not_use_is_told_with_its_number():
    stages = [{"epochs": 1}, {"epochs": 1, "optimizer": "adam", "momentum": 0.8}]
    line = mistake(Train, optimizer="sgd", schedule="constant", stages=stages)
    assert line.startswith("stages.1 momentum has no effect with adam")


def test_what_a_stage_inherits_and_does_not_use_is_left_out_of_it():
    settings = Train(
        optimizer="sgd",
        momentum=0.7,
        nesterov=True,
        schedule="constant",
        stages=[
            {"epochs": 1},
            {"epochs": 1, "optimizer": "adam"},
            {"epochs": 1, "schedule": "one_cycle"},
        ],
    )
    found = [(recipe.momentum, recipe.nesterov) for recipe in settings.recipes()]
    assert found == [(0.7, True), (None, False), (None, True)]
    assert mistake(
        Train,
        optimizer="sgd",
        momentum=0.7,
        schedule="constant",
        stages=[{"epochs": 1, "optimizer": "adam"}],
    ).startswith("momentum has no effect outside of the stages")


@pytest.mark.parametrize(
    ("short", "spelled_out"),
    [
        ({"optimizer": "sgd", "schedule": "cosine"}, {"momentum": 0.9}),
        ({}, {"schedule": {"name": "one_cycle", "pct_start": 0.3, "max_momentum": 0.95}}),
        ({}, {"loss_size": "full", "momentum": None}),
    ],
)
def test_a_default_spelled_out_gives_the_same_recipe(short, spelled_out):
    assert Train(epochs=4, **short).recipes() == Train(epochs=4, **(short | spelled_out)).recipes()


@pytest.mark.parametrize(
    "settings",
    [
        Train(epochs=4),
        Train(epochs=4, schedule={"epochs": 30, "div_factor": 10}),
        Train(epochs=4, optimizer="sgd", schedule="constant", momentum=0.5, nesterov=True),
        Train(epochs=4, teacher=TEACHER | {"epochs": 2, "schedule": "cosine"}),
        Train(epochs=4, teacher=TEACHER | {"weights": "teacher.safetensors"}),
    ],
)
def test_settings_survive_being_written_with_their_defaults_and_read(settings):
    again = Train.model_validate_json(settings.model_dump_json())
    assert again == settings
    assert again.recipes() == settings.recipes()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"weights": "t.safetensors", "learning_rate": 0.1},
            "learning_rate has no effect beside weights",
        ),
        ({"weights": "t.safetensors", "losses": "bce"}, "losses has no effect beside weights"),
        ({"epochs": 1, "losses": {"mask": "bce"}}, "losses: needs a loss for depth"),
        ({"epochs": 1, "momentum": 0.8}, "momentum has no effect with adamw"),
    ],
)
def test_a_teacher_is_told_what_it_does_not_use(given, line):
    assert mistake(Teacher, **TEACHER, **given).startswith(line)


def test_a_teacher_from_a_file_states_no_recipe():
    stored = Teacher(**TEACHER, weights="t.safetensors").model_dump(mode="json")
    assert set(stored) == {"architecture", "weights"}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"mask": "bce", "balance": {"mask": 2, "depth": 3}},
            "balance.depth has no effect without a loss for depth",
        ),
        (
            {"mask": "bce", "depth": "l1 + 0.1*mse", "balance": "equal_scale"},
            "the weight of 0.1*mse has no effect under equal_scale",
        ),
    ],
)
def test_a_pair_of_losses_is_told_what_it_does_not_use(given, line):
    assert mistake(LossPair, **given).startswith(line)
