"""What is behind a cell's settings is told by contents, and never by where they lie."""

import hashlib
from pathlib import Path

import pytest

import architectures
from bench.data import decode
from bench.errors import InputError
from bench.execution.provenance import Inventory
from bench.settings import Architecture, Data, LossPair, Teacher, Train, identity
from bench.settings.grid import Grid
from bench.study import sources
from user_code import forget_changed


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
    assert list(found.sources) == ["decoding", "unet", "loss bce", "loss l1", "loss ssim"]
    assert "architectures/networks/unet.py" in found.sources["unet"]
    assert "architectures/double_convolution.py" in found.sources["unet"]
    assert "losses/terms/ssim.py" in found.sources["loss ssim"]
    assert not any("registry" in file for files in found.sources.values() for file in files)


def test_a_baseline_depends_on_data_and_split_and_how_images_are_decoded():
    baseline = next(c for c in grid_of(cell()).cells() if c.loss is None)
    found = Inventory("d", "s").of(baseline)
    assert (found.data, found.split, found.weights) == ("d", "s", {})
    assert list(found.sources) == ["decoding"]
    assert found.sources["decoding"]["bench/data/decode.py"] == digest_of(decode.__file__)
    assert {"bench/data/plasma.csv", "bench/data/layouts/patterns.py"} <= set(
        found.sources["decoding"]
    )


def digest_of(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def grid_of(one):
    return Grid(
        architectures=(one.architecture,), losses=(one.loss,), data=one.data, train=one.train
    )


NETWORK = "def mine():\n    return None\n"


def write_network(folder, helper="x = 1\n"):
    folder.mkdir()
    (folder / "helper.py").write_text(helper)
    (folder / "mine.py").write_text(f"import helper\n{NETWORK}")
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


def test_all_networks_of_a_file_share_its_sources_which_are_looked_up_once(tmp_path, monkeypatch):
    file, looked_up = tmp_path / "mine.py", []
    file.write_text(f"{NETWORK}{NETWORK.replace('mine', 'other')}")
    closure = sources.closure
    monkeypatch.setattr(
        sources, "closure", lambda file, **how: looked_up.append(file.name) or closure(file, **how)
    )
    inventory = Inventory("the data", "the split")
    found = [inventory.of(cell(f"{file}:{name}")).sources for name in ("mine", "other", "mine")]
    assert looked_up == ["mine.py", "bce.py"]
    assert found[0]["mine.py:mine"] == found[1]["mine.py:other"] == {"mine.py": digest_of(file)}


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


def test_a_network_is_named_once_for_all_its_files_of_weights(tmp_path, monkeypatch):
    named = []
    of_architecture = identity.of_architecture
    monkeypatch.setattr(
        identity, "of_architecture", lambda one: named.append(one) or of_architecture(one)
    )
    files = []
    for number in range(3):
        files.append(str(tmp_path / f"{number}.pt"))
        Path(files[-1]).write_bytes(b"one")
    (tmp_path / "mine.py").write_text("def mine(*, starts):\n    return None\n")
    asked = cell({"name": f"{tmp_path / 'mine.py'}:mine", "starts": files})
    named.clear()
    assert len(Inventory("the data", "the split").of(asked).weights) == 3
    assert len(named) == 2  # for its weights, and for its code


def test_the_home_folder_is_written_in_short(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "teacher.safetensors").write_bytes(b"one")
    teacher = Teacher(architecture=Architecture(name="unet"), weights="~/teacher.safetensors")
    assert provenance("unet", teacher=teacher).weights == {
        "the teacher": hashlib.sha256(b"one").hexdigest()
    }


@pytest.mark.parametrize("name", ["W.PTH", "w.tar", "w"])
def test_an_encoders_weights_are_seen_whatever_their_ending(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"one")
    found = provenance({"name": "densenet", "encoder_weights": f"./{name}"})
    assert found.weights == {
        f"densenet (encoder_weights: {name})": hashlib.sha256(b"one").hexdigest()
    }


def test_each_file_of_a_list_is_seen_and_a_word_is_no_file(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "w.PT").write_bytes(name.encode())
    (tmp_path / "mine.py").write_text("def mine(*, parts, encoder_weights):\n    return None\n")
    parts = [str(tmp_path / name / "w.PT") for name in ("a", "b")]
    found = provenance(
        {"name": f"{tmp_path / 'mine.py'}:mine", "parts": parts, "encoder_weights": "swsl"}
    )
    assert found.weights == {
        f"mine.py:mine (parts[{number}]: w.PT)": hashlib.sha256(name).hexdigest()
        for number, name in enumerate((b"a", b"b"))
    }


def test_old_code_is_never_kept_under_a_new_digest(tmp_path):
    spec = write_network(tmp_path / "a")
    inventory = Inventory("d", "s")
    asked = cell(spec)  # which loads it
    (tmp_path / "a" / "helper.py").write_text("x = 2\n")
    with pytest.raises(InputError, match=r"^helper\.py changed since it was loaded; start again$"):
        inventory.of(asked)
    forget_changed()
    now = Inventory("d", "s").of(cell(spec)).sources["mine.py:mine"]
    assert now["helper.py"] == digest_of(tmp_path / "a" / "helper.py")


def test_code_that_changes_before_it_is_loaded_is_seen_when_the_cell_is_done(tmp_path):
    spec = write_network(tmp_path / "a")
    (tmp_path / "a" / "late.py").write_text("x = 1\n")
    file = tmp_path / "a" / "mine.py"
    file.write_text("from torch import nn\ndef mine():\n    import late\n    return nn.ReLU()\n")
    inventory, asked = Inventory("d", "s"), cell(spec)
    inventory.of(asked)
    (tmp_path / "a" / "late.py").write_text("x = 2\n")
    architectures.create(spec)
    with pytest.raises(InputError, match=r"^late\.py changed since it was loaded; start again$"):
        inventory.of(asked)


def test_a_changed_module_that_python_imported_needs_a_new_process(tmp_path, monkeypatch):
    package = tmp_path / "package_of_networks"
    write_network(package)
    (package / "mine.py").write_text("from package_of_networks.helper import x\n" + NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    asked = cell("package_of_networks.mine:mine")
    assert set(Inventory("d", "s").of(asked).sources["package_of_networks.mine:mine"]) == {
        "package_of_networks/helper.py",
        "package_of_networks/mine.py",
    }
    (package / "helper.py").write_text("x = 2\n")
    forget_changed()
    line = r"^package_of_networks/helper\.py changed since this process imported it; start a new pr"
    with pytest.raises(InputError, match=line):
        Inventory("d", "s").of(asked)


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
