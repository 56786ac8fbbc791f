"""What is the same experiment, and what is not."""

import pickle

import pytest
import yaml

from bench.errors import InputError
from bench.settings import Architecture, grid_file
from bench.settings.grid import Grid
from bench.settings.identity import of_architecture

SOUND = {
    "architectures": [{"name": "unet", "width": 0.25}],
    "losses": ["bce"],
    "data": {"archive": "data/quick.zip"},
    "train": {"epochs": 4},
}


@pytest.fixture
def ids(tmp_path):
    def ids(content):
        path = tmp_path / "asked.yaml"
        path.write_text(yaml.safe_dump(content))
        return [cell.id for cell in grid_file.load(path).cells()]

    return ids


def with_data(**settings):
    return SOUND | {"data": SOUND["data"] | settings}


def with_train(**settings):
    return SOUND | {"train": SOUND["train"] | settings}


@pytest.mark.parametrize(
    "same",
    [
        with_data(archive="./data/quick.zip"),
        with_data(archive="/elsewhere/renamed.zip"),
        with_data(archive=["data/quick.zip", "data/more.zip"]),
        with_data(archive={"files": "data/quick.zip"}),
        with_data(archive={"files": "data/quick.zip", "backgrounds": "data/b.zip"}),
        with_data(exclude="quarantine.csv"),
        SOUND | {"architectures": [{"name": "unet", "width": 0.25, "inputs": "pair"}]},
        SOUND | {"architectures": [{"name": "unet", "width": 0.25, "tasks": ["mask", "depth"]}]},
        SOUND | {"losses": [{"mask": "1*bce", "depth": "bce", "balance": "fixed"}]},
        SOUND | {"metrics": ["dice", "mae"]},
        with_train(optimizer="adamw", batch_size=16, gradient_clip=1.0, accumulate=1),
        SOUND | {"devices_per_cell": 1},
        with_train(stages=[{}]),
        with_train(stages=[{"batch_size": 16, "losses": "bce", "image_size": 64}]),
        {key: SOUND[key] for key in reversed(SOUND)},
    ],
)
def test_no_path_no_spelled_out_default_and_no_order_changes_an_id(ids, same):
    assert ids(same) == ids(SOUND)


@pytest.mark.parametrize(
    "other",
    [
        with_data(image_size=96),
        with_data(limit=20),
        with_data(split={"seed": 1}),
        with_data(split={"file": "mine.csv"}),
        with_data(archive={"files": "data/quick.zip", "mask_threshold": 99}),
        SOUND | {"architectures": [{"name": "unet", "width": 0.5}]},
        SOUND | {"losses": ["bce + 1.2345678*l1"]},
        SOUND | {"losses": [{"mask": "bce"}]},
        SOUND | {"losses": [{"mask": "bce", "depth": "bce", "balance": "uncertainty"}]},
        SOUND | {"seeds": [1]},
        SOUND | {"devices_per_cell": 2},
        with_train(batch_size=8),
        with_train(accumulate=2),
        with_train(precision="tf32"),
        with_train(stages=[{}, {}]),
        with_train(stages=[{"losses": "l1"}]),
        with_train(stages=[{"image_size": 32}]),
        with_train(teacher={"architecture": "unet", "weights": "a.safetensors"}),
    ],
)
def test_what_changes_the_training_changes_the_id(ids, other):
    assert ids(other)[-1] != ids(SOUND)[-1]


def test_of_a_teachers_weights_the_path_does_not_matter_but_that_they_are_given_does(ids):
    def teacher(**settings):
        return with_train(teacher={"architecture": "unet", **settings})

    assert ids(teacher(weights="a.safetensors")) == ids(teacher(weights="b/c.safetensors"))
    assert ids(teacher(weights="a.safetensors"))[-1] != ids(teacher(epochs=4))[-1]


def write_network(folder, width=1):
    folder.mkdir()
    path = folder / "mine.py"
    path.write_text(f"def mine(*, size={width}):\n    return None\n")
    return f"{path}:mine"


def test_the_folder_and_the_content_of_a_users_network_do_not_matter(ids, tmp_path):
    specs = [write_network(tmp_path / "a"), write_network(tmp_path / "b", width=2)]
    first, second = (ids(SOUND | {"architectures": [spec]}) for spec in specs)
    assert first == second


def test_two_users_networks_that_only_their_folders_tell_apart_are_refused(ids, tmp_path):
    specs = [write_network(tmp_path / "a"), write_network(tmp_path / "b")]
    with pytest.raises(InputError, match="differ in the folders of their files only; give one of"):
        ids(SOUND | {"architectures": specs})


def test_files_of_weights_are_told_apart_by_their_names(ids, tmp_path):
    def networks(*places):
        for place in places:
            (tmp_path / place).parent.mkdir(exist_ok=True)
            (tmp_path / place).touch()
        weights = [str(tmp_path / place) for place in places]
        return SOUND | {
            "architectures": [{"name": "densenet", "encoder_weights": file} for file in weights]
        }

    both = ids(networks("x/a.safetensors", "x/b.safetensors"))
    assert len(set(both)) == len(both)
    assert ids(networks("y/a.safetensors", "b.safetensors")) == both


@pytest.mark.parametrize("name", ["W.PTH", "w.tar", "w"])
def test_of_an_encoders_weights_the_folder_does_not_matter_whatever_their_ending(
    ids, tmp_path, monkeypatch, name
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    first, same = (
        ids(SOUND | {"architectures": [{"name": "densenet", "encoder_weights": path}]})
        for path in (f"./{name}", str(tmp_path / name))
    )
    assert first == same


@pytest.mark.parametrize("folder", ["a", "b"])
def test_of_files_in_a_list_the_folder_does_not_matter(folder):
    network = Architecture(name="x", options={"parts": [f"{folder}/w.PT", 3], "word": "a/b"})
    assert of_architecture(network)["options"] == {"parts": ["w.PT", 3], "word": "a/b"}


def test_the_trivial_baselines_do_not_depend_on_the_training(ids):
    assert ids(with_train(epochs=9))[:4] == ids(SOUND)[:4]


def test_an_option_that_is_text_is_told_from_one_that_is_a_number(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def mine(*, size=None):\n    return None\n")
    asked = tmp_path / "asked.yaml"
    networks = [{"name": f"{path}:mine", "size": size} for size in ("1", 1, "true", "plain")]
    asked.write_text(yaml.safe_dump(SOUND | {"architectures": networks}))
    labels = [a.label.rpartition("(")[2] for a in grid_file.load(asked).architectures]
    assert labels == ['size="1")', "size=1)", 'size="true")', "size=plain)"]


def test_rows_of_one_grid_share_their_setting_whatever_losses_a_stage_has(tmp_path):
    path = tmp_path / "asked.yaml"
    stages = [{"epochs": 1}, {"epochs": 1, "losses": "bce"}]
    path.write_text(yaml.safe_dump(SOUND | {"losses": ["bce", "l1"], "train": {"stages": stages}}))
    trained = [cell for cell in grid_file.load(path).cells() if cell.loss is not None]
    assert trained[0].setting == trained[1].setting
    assert trained[0].id != trained[1].id


def test_a_copy_with_other_settings_has_its_own_id_and_a_cell_that_knows_its_id_is_no_other_one():
    cell, fresh = (next(Grid.model_validate(SOUND).cells()) for _ in range(2))
    known = cell.id
    assert cell == fresh
    assert cell.model_dump_json() == fresh.model_dump_json()
    assert dict(cell.model_dump()) == dict(fresh.model_dump())
    other = cell.model_copy(update={"seed": 7})
    assert other.id != known
    assert other.id == fresh.model_copy(update={"seed": 7}).id
    assert pickle.loads(pickle.dumps(cell)).id == known  # noqa: S301 - our own
