import hashlib

import pytest

from bench.study.sources import digests


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
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


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


def test_a_file_in_a_package_goes_with_its_package_alone(folder):
    (folder / "parts/deep.py").write_text("import helper\nimport parts.sibling\n")
    assert list(digests(folder / "parts/deep.py")) == [
        "parts/__init__.py",
        "parts/deep.py",
        "parts/sibling.py",
    ]


def test_files_that_import_each_other_are_listed_once(folder):
    (folder / "helper.py").write_text("import mine\n")
    assert list(digests(folder / "mine.py"))[:2] == ["helper.py", "mine.py"]


def test_what_is_left_out_is_not_followed_either(folder):
    assert list(digests(folder / "mine.py", without={"helper.py"})) == [
        "mine.py",
        "parts/__init__.py",
        "parts/late.py",
    ]
