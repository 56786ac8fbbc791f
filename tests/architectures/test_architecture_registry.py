"""From a spec to a network: found by itself, a user's own, an entry point, or a clear line."""

import hashlib
import random
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import architectures
from architectures import networks
from architectures.contract import Prediction
from user_code import forget_changed, remedy

NETWORKS = Path(architectures.__file__).parent / "networks"

ENTRY = """
import torch
from torch import nn
from architectures import Prediction, register


class Tiny(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layer = nn.Conv2d(3, channels, 1)

    def forward(self, background, composite):
        logits = self.layer(composite)[:, :1]
        return Prediction(logits, logits)


{decorator}
def {name}(*, channels=2):
    return Tiny(channels)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that is part of `architectures.networks` for the time of a test."""
    monkeypatch.setattr(networks, "__path__", [*networks.__path__, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for module in set(sys.modules) - before:
        if module.startswith(networks.__name__):
            del sys.modules[module]


def write(path, name="tiny", decorator=""):
    path.write_text(ENTRY.format(name=name, decorator=decorator))
    return path


def error_of(function, *args, **kwargs):
    with pytest.raises(architectures.ArchitectureError) as caught:
        function(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_dropped_into_the_folder_is_an_entry_and_nothing_else_has_to_be_edited(folder):
    assert "dropped_in" not in architectures.names()
    write(folder / "dropped_in.py", "dropped_in", "@register")
    assert "dropped_in" in architectures.names()
    assert architectures.names() == sorted(architectures.names())
    assert architectures.options("dropped_in") == {"channels": 2}
    network = architectures.create("dropped_in", channels=5)
    assert network.layer.out_channels == 5
    image = torch.rand(1, 3, 32, 32)
    assert isinstance(network(image, image), Prediction)


def test_a_dropped_in_file_whose_function_has_another_name(folder):
    path = write(folder / "dropped_badly.py", "another", "@register")
    message = error_of(architectures.create, "dropped_badly")
    assert message == f"{path} does not @register a function 'dropped_badly'"


def test_a_dropped_in_file_that_fails_at_import(folder):
    (folder / "dropped_broken.py").write_text("import no_such_library\n")
    message = error_of(architectures.create, "dropped_broken")
    assert message == (
        "'dropped_broken' cannot be imported: ModuleNotFoundError: No module named "
        "'no_such_library'"
    )


def test_an_unknown_name_suggests_the_nearest_and_lists_the_choices():
    message = error_of(architectures.create, "unett")
    assert message.startswith("unknown architecture 'unett'; did you mean 'unet'? (choices: autoe")
    assert "smp:DECODER/ENCODER" in message
    assert "did you mean" not in error_of(architectures.create, "zzzz")


@pytest.mark.parametrize("spec", ["", ":", "unet:", "not a module:name", 3, None])
def test_what_is_no_spec_at_all(spec):
    assert "architecture" in error_of(architectures.check_options, spec, {})


def test_an_unknown_option_is_told_before_the_network_is_built():
    for function in (architectures.check_options, lambda n, o: architectures.create(n, **o)):
        message = error_of(function, "unet", {"widht": 0.5})
        assert message == (
            "'unet' takes no option 'widht'; did you mean 'width'? (choices: inputs, tasks, width)"
        )
    architectures.check_options("unet", {"width": 0.5, "tasks": ["mask"], "inputs": "composite"})


def test_the_options_of_an_entry_and_their_defaults():
    assert architectures.options("densenet") == {
        "inputs": "pair",
        "tasks": ("mask", "depth"),
        "width": 1.0,
        "encoder_weights": None,
    }
    assert list(architectures.options("smp:Unet/resnet34")) == [
        "inputs",
        "tasks",
        "encoder_weights",
    ]


def test_a_users_own_file_relative_to_the_working_folder(tmp_path, monkeypatch):
    path = write(tmp_path / "mine.py")
    monkeypatch.chdir(tmp_path)
    network = architectures.create("mine.py:tiny", channels=3)
    assert network.layer.out_channels == 3
    assert architectures.options("mine.py:tiny") == {"channels": 2}
    assert architectures.source_of("mine.py:tiny") == path.resolve()
    assert architectures.source_of(f"{path}:tiny") == path.resolve()
    assert architectures.source_of("unet") == NETWORKS / "unet.py"
    assert architectures.source_of("smp:Unet/resnet18") == NETWORKS.parent / "libraries" / "smp.py"


def test_a_users_own_class_and_a_registered_function_in_a_users_file(tmp_path):
    path = write(tmp_path / "own.py", "unet", "@register")
    assert architectures.create(f"{path}:Tiny", channels=4).layer.out_channels == 4
    assert type(architectures.create(f"{path}:unet")).__name__ == "Tiny"
    assert type(architectures.create("unet", width=0.125)).__name__ == "UNet"
    assert error_of(architectures.create, f"{path}:Tiny").endswith("needs the option 'channels'")


def with_neighbours(folder, width):
    """A file with a helper beside it, and one that is imported inside of a function only."""
    folder.mkdir()
    (folder / "helper.py").write_text(f"from deeper import *\nWIDTH = {width}\n")
    (folder / "deeper.py").write_text(f"DEPTH = {width}\n")
    (folder / "late.py").write_text(f"LATE = {width}\n")
    path = folder / "mine.py"
    path.write_text(
        "from torch import nn\nimport helper\n"
        "def mine():\n"
        "    import late\n"
        "    return nn.Linear(helper.WIDTH + helper.DEPTH, late.LATE)\n"
    )
    return path


def test_two_users_files_each_have_neighbours_of_their_own(tmp_path):
    first, second = (with_neighbours(tmp_path / str(width), width) for width in (2, 3))
    for _ in range(2):
        assert architectures.create(f"{first}:mine").weight.shape == (2, 4)
        assert architectures.create(f"{second}:mine").weight.shape == (3, 6)


def test_a_users_neighbours_are_found_by_nobody_else(tmp_path, monkeypatch):
    stranger = ModuleType("helper")
    monkeypatch.setitem(sys.modules, "helper", stranger)
    path_before = list(sys.path)
    architectures.create(f"{with_neighbours(tmp_path / 'own', 2)}:mine")
    assert sys.modules["helper"] is stranger
    assert "late" not in sys.modules
    assert sys.path == path_before


def with_parts(folder, width):
    """A file beside a folder without __init__.py."""
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "helper.py").write_text(f"WIDTH = {width}\n")
    path = folder / "mine.py"
    path.write_text(
        "from torch import nn\nfrom parts import helper\n"
        "def mine():\n    return nn.Linear(helper.WIDTH, 1)\n"
    )
    return path


def test_two_users_files_each_have_a_folder_of_parts_of_their_own(tmp_path):
    first, second = (with_parts(tmp_path / str(width), width) for width in (2, 3))
    for _ in range(2):
        assert architectures.create(f"{first}:mine").in_features == 2
        assert architectures.create(f"{second}:mine").in_features == 3
    assert "parts" not in sys.modules


def test_a_folder_beside_a_users_file_hides_no_package(tmp_path):
    for package in ("architectures", "rich"):  # rich is not imported yet, or it is
        (tmp_path / package).mkdir()
        (tmp_path / package / "test_something.py").touch()
    path = tmp_path / "mine.py"
    path.write_text(
        "import architectures.contract, rich.text\nfrom torch import nn\n"
        "def mine():\n    return nn.Linear(1, 1) if rich.text.Text else None\n"
    )
    before = sys.modules["architectures"]
    architectures.create(f"{path}:mine")
    assert sys.modules["architectures"] is before


@pytest.mark.parametrize("changed", ["mine.py", "helper.py", "deeper.py", "late.py"])
def test_changed_code_is_loaded_anew_when_it_is_forgotten_and_never_before(tmp_path, changed):
    spec = f"{with_neighbours(tmp_path / 'own', 2)}:mine"
    file = tmp_path / "own" / changed
    first = architectures.create(spec).weight.shape
    file.write_text(file.read_text().replace("2", "3").replace("helper.WIDTH +", "1 +"))
    assert architectures.create(spec).weight.shape == first
    forget_changed()
    assert architectures.create(spec).weight.shape != first
    again = architectures.options(spec), sys.modules[f"user_file:{tmp_path / 'own' / 'mine.py'}"]
    forget_changed()  # there is nothing to forget
    assert (architectures.options(spec), sys.modules[again[1].__name__]) == again


def test_a_file_is_told_to_differ_from_what_was_loaded(tmp_path, monkeypatch):
    own = with_neighbours(tmp_path / "own", 2)
    architectures.create(f"{own}:mine")
    package = tmp_path / "remembered_package"
    package.mkdir()
    imported = write(package / "nets.py")
    monkeypatch.syspath_prepend(tmp_path)
    architectures.create("remembered_package.nets:tiny")
    for file, line in {
        own.parent / "late.py": "changed since it was loaded; start again",
        imported: "changed since this process imported it; start a new process",
    }.items():
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert remedy(file, digest) is None
        assert remedy(file, "0" * 64) == line
    assert remedy(tmp_path / "never_loaded.py", "0" * 64) is None


@pytest.mark.parametrize("draw", ["numpy.random.rand()", "random.random()"])
def test_the_seed_decides_weights_that_are_not_drawn_by_torch(tmp_path, draw):
    path = tmp_path / f"{draw[:6]}.py"
    path.write_text(
        "import random, numpy, torch\n\n"
        "def drawn():\n"
        "    layer = torch.nn.Linear(1, 1)\n"
        f"    torch.nn.init.constant_(layer.weight, {draw})\n"
        "    return layer\n"
    )
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first, same, other = (
        architectures.create(f"{path}:drawn", seed=seed).weight.item() for seed in (1, 1, 2)
    )
    assert first == same != other
    after = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    assert after == before


def test_the_seed_decides_a_users_weights_too(tmp_path):
    spec = f"{write(tmp_path / 'seeded.py')}:tiny"
    before = torch.get_rng_state()
    first, same, other = (architectures.create(spec, seed=seed).layer.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_users_file_that_does_not_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for function in (architectures.create, architectures.source_of):
        message = error_of(function, "nets/mine.py:tiny")
        assert message == (
            f"'nets/mine.py:tiny': there is no file nets/mine.py (looked in {tmp_path})"
        )


def test_a_users_file_that_lacks_the_name(tmp_path):
    path = write(tmp_path / "lacks.py")
    message = error_of(architectures.create, f"{path}:tinny")
    assert message.endswith("defines no 'tinny'; did you mean 'tiny'? (it defines: Tiny, tiny)")


def test_a_users_file_that_fails_at_import(tmp_path):
    path = tmp_path / "fails.py"
    path.write_text("raise ValueError('first line\\nsecond line')\n")
    message = error_of(architectures.create, f"{path}:tiny")
    assert message == f"'{path}:tiny' cannot be imported: ValueError: first line"


def test_a_users_function_that_fails_or_returns_no_network(tmp_path):
    path = tmp_path / "returns.py"
    path.write_text(
        "number = 3\ndef gives_a_list(): return []\ndef fails(*, depth): return [][depth]\n"
    )
    assert error_of(architectures.create, f"{path}:gives_a_list").endswith(
        "returned a list; it has to return a torch.nn.Module"
    )
    assert error_of(architectures.create, f"{path}:fails", depth=3).endswith(
        "fails' cannot be built: IndexError: list index out of range"
    )
    assert error_of(architectures.create, f"{path}:number").endswith(
        "is an object of type int; it has to be a function or class that returns a torch.nn.Module"
    )


def test_a_function_in_an_importable_module(tmp_path, monkeypatch):
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").touch()
    path = write(tmp_path / "my_package" / "nets.py")
    monkeypatch.syspath_prepend(tmp_path)
    assert architectures.create("my_package.nets:tiny", channels=7).layer.out_channels == 7
    assert architectures.source_of("my_package.nets:tiny") == path
    message = error_of(architectures.create, "my_package.net:tiny")
    assert "cannot be imported: ModuleNotFoundError: No module named 'my_package.net'" in message


def test_an_installed_entry_point_is_a_name(tmp_path, monkeypatch):
    write(tmp_path / "plugin_networks.py")
    information = tmp_path / "plugin-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[maskdepth_bench.architectures]\nplugged = plugin_networks:tiny\n"
        "lost = plugin_networks:gone\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert {"plugged", "unet"} <= set(architectures.names())
    assert architectures.create("plugged", channels=6).layer.out_channels == 6
    assert architectures.source_of("plugged") == tmp_path / "plugin_networks.py"
    assert "'lost' cannot be imported: AttributeError" in error_of(architectures.create, "lost")


def test_wildcards_expand_in_a_sorted_order():
    assert architectures.expand("unet") == ["unet"]
    assert architectures.expand("unet*") == ["unet", "unet_additive"]
    assert architectures.expand("*") == architectures.names()
    resnets = architectures.expand("smp:Unet/resnet*")
    assert resnets == sorted(resnets)
    assert {"smp:Unet/resnet18", "smp:Unet/resnet152"} <= set(resnets)
    assert all(spec.startswith("smp:Unet/resnet") for spec in resnets)
    assert len(architectures.expand("smp:*/resnet34")) == 11  # every decoder of smp but DPT
    assert "smp:DPT/tu-vit_small_patch16_224" in architectures.expand("smp:DPT/tu-vit_small*")
    convnexts = architectures.expand("timm:convnext_t*")
    assert "timm:convnext_tiny" in convnexts
    assert convnexts == sorted(convnexts)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("zz*", "no architecture fits the pattern 'zz*'"),
        ("smp:Unet/resnot*", "no architecture fits the pattern 'smp:Unet/resnot*'"),
        ("nets/*.py:tiny", "wildcards are for names, smp:DECODER/ENCODER and timm:ENCODER only"),
    ],
)
def test_a_wildcard_that_stands_for_nothing(pattern, line):
    assert line in error_of(architectures.expand, pattern)
