"""Which files of code a network, a loss or a metric is made of."""

import hashlib
import sys

import pytest

import user_code
from bench.study import sources


def digests(file, **options):
    return sources.digests(sources.closure(file, **options))


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


@pytest.fixture
def folder(tmp_path):
    files = {
        "mine.py": "import helper\nimport torch\n\ndef net():\n    from parts import late\n",
        "helper.py": "from parts.deep import value\n",
        "parts/__init__.py": "",
        "parts/deep.py": "from . import sibling\nfrom .sibling import x\nvalue = 1\n",
        "parts/sibling.py": "from .. import nothing\nx = 1\n",
        "parts/late.py": "",
        "unused.py": "",
    }
    return write(tmp_path, files)


def test_all_that_a_file_imports_beside_it_is_listed_and_nothing_else(folder):
    found = digests(folder / "mine.py")
    assert list(found) == [
        "helper.py",
        "mine.py",
        "parts/__init__.py",
        "parts/deep.py",
        "parts/late.py",
        "parts/sibling.py",
    ]
    assert found["mine.py"] == hashlib.sha256((folder / "mine.py").read_bytes()).hexdigest()


def test_a_change_deep_down_is_seen_and_one_elsewhere_is_not(folder):
    before = digests(folder / "mine.py")
    (folder / "unused.py").write_text("changed = 1\n")
    assert digests(folder / "mine.py") == before
    (folder / "parts/sibling.py").write_text("x = 2\n")
    after = digests(folder / "mine.py")
    assert {name for name in after if after[name] != before[name]} == {"parts/sibling.py"}


NETWORK = "from {} import x\n"


@pytest.mark.parametrize(
    ("start", "as_module", "files", "expected"),
    [
        (  # the file lies in a package, and is asked for by its path
            "pk/net.py",
            False,
            {"pk/__init__.py": "", "pk/net.py": NETWORK.format("helper"), "pk/helper.py": ""},
            ["helper.py", "pk/net.py"],
        ),
        (  # a package without __init__.py
            "ns/net.py",
            True,
            {"ns/net.py": NETWORK.format("ns.helper"), "ns/helper.py": ""},
            ["ns/helper.py", "ns/net.py"],
        ),
        (
            "ns/sub/net.py",
            True,
            {"ns/sub/net.py": NETWORK.format("..helper"), "ns/helper.py": ""},
            ["ns/helper.py", "ns/sub/net.py"],
        ),
        (  # a module beside the package; the one in it has another name
            "g/net.py",
            True,
            {"g/__init__.py": "", "g/net.py": "import top", "top.py": "", "g/top.py": ""},
            ["g/net.py", "top.py"],
        ),
        (  # from the working folder
            "sub/net.py",
            False,
            {"sub/net.py": NETWORK.format("common.helper"), "common/helper.py": "import y"}
            | {"y.py": "", "sub/y.py": "", "sub/common/other.py": ""},
            ["common/helper.py", "net.py", "y.py"],
        ),
        (  # a neighbour that is called as a file of this project
            "net.py",
            False,
            {"net.py": NETWORK.format("losses.registry"), "losses/registry.py": ""},
            ["losses/registry.py", "net.py"],
        ),
        (  # two files with one path in two folders
            "pk/net.py",
            False,
            {"pk/__init__.py": "", "pk/net.py": NETWORK.format("pk.net"), "pk/pk/net.py": ""},
            ["pk/net.py", "pk/pk/net.py"],
        ),
    ],
)
def test_what_python_would_import_is_what_is_listed(
    tmp_path, monkeypatch, *, start, as_module, files, expected
):
    monkeypatch.chdir(write(tmp_path, files))
    monkeypatch.setattr("sys.path", ["", *sys.path])
    assert list(digests(tmp_path / start, as_module=as_module)) == expected


def test_a_neighbour_that_is_a_link_is_listed_by_its_name_here(tmp_path):
    write(tmp_path, {"a/mine.py": "import helper\n", "b/real.py": ""})
    (tmp_path / "a/helper.py").symlink_to(tmp_path / "b/real.py")
    assert list(digests(tmp_path / "a/mine.py")) == ["helper.py", "mine.py"]


def test_this_project_is_not_a_users_code(tmp_path):
    write(tmp_path, {"mine.py": "import architectures.double_convolution, losses, bench.files\n"})
    assert list(digests(tmp_path / "mine.py")) == ["mine.py"]


def test_a_library_goes_with_its_own_package_and_is_not_followed_into(tmp_path, monkeypatch):
    installed = write(
        tmp_path / "installed",
        {
            "plugin/__init__.py": "",
            "plugin/net.py": "import big, plugin.part\n",
            "plugin/part.py": "",
            "big.py": "",
        },
    )
    mine = write(tmp_path / "mine", {"mine.py": "import big, plugin.net\n"}) / "mine.py"
    monkeypatch.setattr(user_code, "_LIBRARIES", {installed.resolve()})
    monkeypatch.syspath_prepend(installed)
    assert list(digests(installed / "plugin/net.py", as_module=True)) == [
        "plugin/__init__.py",
        "plugin/net.py",
        "plugin/part.py",
    ]
    assert list(digests(installed / "big.py", as_module=True)) == ["big.py"]
    assert list(digests(mine)) == ["mine.py"]


def test_files_that_import_each_other_are_listed_once(folder):
    (folder / "helper.py").write_text("import mine\n")
    assert list(digests(folder / "mine.py"))[:2] == ["helper.py", "mine.py"]


def test_what_is_left_out_is_not_followed_either(folder):
    assert list(digests(folder / "mine.py", without={folder / "helper.py"})) == [
        "mine.py",
        "parts/__init__.py",
        "parts/late.py",
    ]
