"""Settings that are typed behind a grid's file."""

import pytest
import yaml

from bench.errors import InputError
from bench.settings import grid_file
from bench.settings.overrides import overridden


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["train.epochs=2"], {"train": {"epochs": 2, "flip": True}, "seeds": [0, 1]}),
        (["seeds=[4, 5]"], {"train": {"epochs": 4, "flip": True}, "seeds": [4, 5]}),
        (["seeds.1=7"], {"train": {"epochs": 4, "flip": True}, "seeds": [0, 7]}),
        (["train={steps: 9}", "train.flip=no"], {"train": {"steps": 9, "flip": False}}),
        (["keep.weights=none"], {"keep": {"weights": "none"}}),
        (["train.epochs=", "train.steps=3"], {"train": {"epochs": None, "steps": 3, "flip": True}}),
    ],
)
def test_a_setting_takes_the_place_of_the_files_own(assignments, expected):
    content = {"train": {"epochs": 4, "flip": True}, "seeds": [0, 1]}
    found = overridden(content, assignments)
    assert found == content | expected
    assert content == {"train": {"epochs": 4, "flip": True}, "seeds": [0, 1]}


def test_what_an_alias_of_the_file_shares_is_changed_in_one_place():
    content = yaml.safe_load("stages: [&first {epochs: 1}, *first]")
    assert overridden(content, ["stages.1.epochs=5"]) == {"stages": [{"epochs": 1}, {"epochs": 5}]}


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ("train", "'train' is no setting such as train.epochs=2"),
        ("=2", "'=2' is no setting such as train.epochs=2"),
        ("train..epochs=2", "'train..epochs=2' is no setting such as"),
        ("a" + ".a" * 5000 + "=1", "is no setting such as train.epochs=2"),
        ("seeds=[1", "'seeds=[1': not a YAML value: "),
        (
            "seeds.2=1",
            "seeds.2: seeds is a list of 2; pick an entry by its number from 0, as seeds.0",
        ),
        ("seeds.first=1", "seeds.first: seeds is a list of 2; pick an entry by its number"),
        ("train.schedule.name=cosine", "train.schedule.name: train.schedule is 'one_cycle', which"),
    ],
)
def test_a_mistake_in_a_setting_is_one_line(assignment, line):
    content = {"train": {"schedule": "one_cycle"}, "seeds": [0, 1]}
    with pytest.raises(InputError) as raised:
        overridden(content, [assignment])
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_setting_that_is_given_twice_is_refused():
    with pytest.raises(InputError, match=r"^train\.epochs is given twice$"):
        overridden({}, ["train.epochs=2", "train.epochs=2"])


def test_a_grid_with_other_settings_is_the_grid_that_a_file_with_them_holds(repository, tmp_path):
    quick = repository / "grids/quick.yaml"
    content = yaml.safe_load(quick.read_text())
    content["train"] |= {"epochs": 2, "schedule": {"name": "one_cycle", "pct_start": 0.2}}
    content["seeds"] = [0, 1]
    content["data"]["image_size"] = 128
    written = tmp_path / "written.yaml"
    written.write_text(yaml.safe_dump(content))
    assignments = ["train.epochs=2", "train.schedule={pct_start: 0.2}", "seeds=[0,1]"]
    asked = grid_file.load(quick, [*assignments, "data.image_size=128"])
    assert asked == grid_file.load(written)
    assert [c.id for c in asked.cells()] == [c.id for c in grid_file.load(written).cells()]


def test_a_setting_that_does_not_exist_is_one_line_that_names_what_was_typed(repository):
    quick = repository / "grids/quick.yaml"
    with pytest.raises(InputError) as raised:
        grid_file.load(quick, ["train.epoch=2"])
    assert str(raised.value).startswith(
        f"{quick} with train.epoch=2: unknown key 'train.epoch'; did you mean 'epochs'?"
    )
