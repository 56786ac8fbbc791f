"""What is behind a cell's settings is told by contents, and never by where they lie."""

import hashlib

import pytest

from bench.errors import InputError
from bench.execution.provenance import Inventory
from bench.settings import Architecture, Data, LossPair, Teacher, Train
from bench.settings.grid import Grid


def cell(architecture="unet", loss="bce", **train):
    grid = Grid(
        architectures=(Architecture.model_validate(architecture),),
        losses=(LossPair.model_validate(loss),),
        data=Data(archive=("a.zip",)),
        train=Train(epochs=1, **train),
    )
    return list(grid.cells())[-1]


def provenance(*arguments, **train):
    return Inventory("the data", "the split").of(cell(*arguments, **train))


def test_the_sources_are_those_of_the_network_and_of_each_loss():
    found = provenance("unet", {"mask": "bce + ssim", "depth": "0.1*l1"})
    assert list(found.sources) == ["unet", "loss bce", "loss l1", "loss ssim"]
    assert "architectures/networks/unet.py" in found.sources["unet"]
    assert "architectures/double_convolution.py" in found.sources["unet"]
    assert "losses/terms/ssim.py" in found.sources["loss ssim"]
    assert not any("registry" in file for files in found.sources.values() for file in files)


def test_a_baseline_depends_on_data_and_split_alone():
    baseline = next(c for c in grid_of(cell()).cells() if c.loss is None)
    found = Inventory("d", "s").of(baseline)
    assert (found.data, found.split, found.sources, found.weights) == ("d", "s", {}, {})


def grid_of(one):
    return Grid(
        architectures=(one.architecture,), losses=(one.loss,), data=one.data, train=one.train
    )


def write_network(folder, helper="x = 1\n"):
    folder.mkdir()
    (folder / "helper.py").write_text(helper)
    (folder / "mine.py").write_text("import helper\ndef mine():\n    return None\n")
    return f"{folder / 'mine.py'}:mine"


def test_a_changed_helper_is_seen_and_a_moved_folder_is_not(tmp_path):
    first = provenance(write_network(tmp_path / "a"))
    moved = provenance(write_network(tmp_path / "b"))
    changed = provenance(write_network(tmp_path / "c", helper="x = 2\n"))
    assert moved == first
    assert set(first.sources["mine.py:mine"]) == {"helper.py", "mine.py"}
    different = {
        file
        for file, digest in changed.sources["mine.py:mine"].items()
        if digest != first.sources["mine.py:mine"][file]
    }
    assert different == {"helper.py"}


def test_other_weights_behind_the_same_path_are_seen(tmp_path):
    path = tmp_path / "teacher.safetensors"
    found = []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        teacher = Teacher(architecture=Architecture(name="unet"), weights=str(path))
        found.append(provenance("unet", teacher=teacher).weights)
    assert found == [
        {"the teacher": hashlib.sha256(content).hexdigest()} for content in (b"one", b"two")
    ]


def test_an_encoders_weights_are_told_by_their_content(tmp_path):
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(b"one")
    found = provenance({"name": "densenet", "encoder_weights": str(path)})
    assert found.weights == {
        "densenet (encoder_weights: encoder.safetensors)": hashlib.sha256(b"one").hexdigest()
    }


def test_weights_that_are_not_there_are_one_line():
    teacher = Teacher(architecture=Architecture(name="unet"), weights="lost.safetensors")
    with pytest.raises(InputError, match=r"^lost\.safetensors: cannot be read: No such file"):
        provenance("unet", teacher=teacher)


def test_an_entry_points_network_is_told_by_its_source(tmp_path, monkeypatch):
    (tmp_path / "plugin.py").write_text("def plugged():\n    return None\n")
    information = tmp_path / "plugin-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[maskdepth_bench.architectures]\nplugged = plugin:plugged\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert list(provenance("plugged").sources["plugged"]) == ["plugin.py"]
