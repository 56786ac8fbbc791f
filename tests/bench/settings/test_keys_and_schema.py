"""Every setting is explained, and editors check a grid as `bench run` does."""

import shlex
from typing import Annotated

import jsonschema
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from bench.errors import InputError
from bench.settings import keys, yaml_text
from bench.settings.examples import EXAMPLES
from bench.settings.explanation import explain, overview
from bench.settings.grid import Grid
from bench.settings.json_schema import grid_schema
from bench.settings.overrides import overridden

SMALLEST = {
    "architectures": ["unet"],
    "losses": ["bce"],
    "data": {"archive": "a.zip"},
    "train": {"epochs": 4},
}
# What grids/quick.yaml has in its recipe, so that it is not to be searched, too.
IN_THE_QUICK_RECIPE = {"tune", "tune.batch_size", "tune.learning_rate"}


@pytest.fixture(scope="module")
def validator():
    schema = grid_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_key_has_a_description_and_an_example():
    assert all(key.description for key in keys.every_key().values())
    assert EXAMPLES.keys() == overview().keys()
    assert {"train.schedule.pct_start", "data.archive.depth.crop", "tune.trials"} < EXAMPLES.keys()


@pytest.mark.parametrize("key", keys.every_key())
def test_the_example_of_a_setting_is_one_that_a_grid_takes(key, validator, repository):
    overrides = shlex.split(explain(key).overrides)
    quick = yaml.safe_load((repository / "grids/quick.yaml").read_text())
    for around in [SMALLEST] if key in IN_THE_QUICK_RECIPE else [SMALLEST, quick]:
        content = overridden(around, overrides)
        Grid.model_validate(content)
        assert list(validator.iter_errors(content)) == []


def test_an_example_is_written_in_a_grid_as_it_is_typed():
    for key in keys.every_key():
        found = explain(key)
        typed = overridden({}, shlex.split(found.overrides))
        if key != "keep.checkpoint_seconds":  # whose example is null
            typed = {group: _without_nulls(content) for group, content in typed.items()}
        assert yaml_text.parse(found.yaml) == typed


def _without_nulls(content):
    if not isinstance(content, dict):
        return content
    return {name: value for name, value in content.items() if value is not None}


def test_a_list_of_settings_says_the_first_sentence_of_each():
    first = explain("losses.balance").inner["method"]
    assert first.endswith("so that mixtures are compared without the confound of scale")


def accepts(key, value):
    try:
        TypeAdapter(Annotated[key.field.annotation, key.field]).validate_python(value)
    except ValidationError:
        return False
    return True


def test_no_setting_takes_a_truth_value_for_a_number():
    plain = [key for key in keys.every_key().values() if keys.group_of(key.field) is None]
    of_numbers = {key.name for key in plain if accepts(key, 0.5) or accepts(key, 2)}
    assert {"train.learning_rate", "train.epochs", "limits.seconds"} < of_numbers
    for truth in (True, False):
        taken = {key.name for key in plain if accepts(key, truth)}
        assert taken & of_numbers == set()


def test_a_setting_is_explained_with_its_type_and_default():
    found = explain("train.schedule")
    assert found.type.startswith("one_cycle or cosine or constant or a mapping (keys: name, ")
    assert found.inner.keys() >= {"name", "pct_start", "final_div_factor"}
    assert (explain("train.batch_size").type, explain("train.batch_size").default) == (
        "a whole number above 0",
        "16",
    )
    assert explain("data.archive").default is None
    assert explain("data.image_size").type == (
        "a whole number from 32 to 4096 or a list of 2, each a whole number from 32 to 4096"
    )
    assert explain("train.freeze").type == "a text or a list of them"


def test_a_setting_of_a_stage_and_of_the_teacher_is_that_of_the_recipe():
    of_all = explain("train.learning_rate")
    for name in ("train.stages.learning_rate", "train.teacher.learning_rate"):
        assert (explain(name).description, explain(name).type) == (of_all.description, of_all.type)
    assert explain("train.stages.0.learning_rate").key == "train.stages.learning_rate"
    assert "Hu et al." in explain("train.teacher.losses").description


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("train.shedule", "train.schedule"),
        ("epoch", "train.epochs"),
        ("Seeds", "seeds"),
        ("data.split.vall", "data.split.val"),
    ],
)
def test_an_unknown_key_is_one_line_with_the_nearest(wrong, near):
    with pytest.raises(InputError) as raised:
        explain(wrong)
    assert f"unknown key {wrong!r}; did you mean {near!r}?" in str(raised.value)


def test_the_schema_accepts_every_grid_that_is_shipped(validator, repository):
    paths = sorted((repository / "grids").rglob("*.yaml"))
    assert len(paths) >= 10
    for path in paths:
        assert list(validator.iter_errors(yaml.safe_load(path.read_text()))) == [], path


@pytest.mark.parametrize(
    "sections",
    [
        {"architectures": "unet", "losses": "bce", "metrics": "dice"},
        {"architectures": {"name": "unet", "width": 0.5, "tasks": ["mask"]}},
        {"losses": {"mask": "bce", "balance": "uncertainty"}},
        {"data": {"archive": {"files": "a.zip", "layout": "canonical"}, "image_size": 64}},
        {"data": {"archive": ["a.zip", {"files": ["b.zip"]}], "image_size": [64, 96]}},
        {"train": {"epochs": 1, "schedule": "cosine", "freeze": "trunk", "image_size": 32}},
        {"tune": {"trials": 4, "batch_size": [8, 16], "learning_rate": "log(1e-4, 1e-2)"}},
    ],
)
def test_the_schema_accepts_the_short_forms_that_a_grid_may_have(validator, sections):
    Grid.model_validate(SMALLEST | sections)
    assert list(validator.iter_errors(SMALLEST | sections)) == []


@pytest.mark.parametrize(
    "sections",
    [
        {"trian": {}},
        {"train": {"epoch": 4}},
        {"train": {"epochs": 4, "schedule": {"nam": "cosine"}}},
        {"train": {"epochs": 4, "schedule": "cosin"}},
        {"train": {"stages": [{"epochs": 1, "optimiser": "sgd"}]}},
        {"data": {"archive": "a.zip", "split": {"vall": 0.1}}},
        {"data": {"archive": [{"files": "a.zip", "mask_treshold": 1}]}},
        {"data": {"archive": "a.zip", "image_size": 16}},
        {"devices_per_cell": True},
        {"seeds": 3},
        {"losses": [{"msak": "bce"}]},
        {"train": {"epochs": 4, "losses": "bce"}},
        {"tune": {"trials": 4, "learning_rate": "log(1e-4"}},
    ],
)
def test_the_schema_refuses_what_a_run_refuses(validator, sections):
    with pytest.raises(ValueError, match="validation error"):
        Grid.model_validate(SMALLEST | sections)
    assert list(validator.iter_errors(SMALLEST | sections)) != []


def test_the_schema_requires_what_a_grid_needs(validator):
    assert [error.message for error in validator.iter_errors({})] == [
        f"'{key}' is a required property" for key in SMALLEST
    ]
