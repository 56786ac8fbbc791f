import ast
import shutil
from pathlib import Path

import canonical_archive
import pytest

import bench
from bench.data import decoding_digest as subject
from bench.data.cache import open_dataset
from bench.data.decoding_digest import decoding_digest

PACKAGE = Path(bench.__file__).parent


def imported(file):
    """The files of `bench.data` that one file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bench.data"):
            folder = PACKAGE.parent.joinpath(*node.module.split("."))
            yield from (folder.with_suffix(".py"), folder / "__init__.py")
            yield from (folder / f"{alias.name}.py" for alias in node.names)


def test_every_module_that_making_a_cache_imports_is_in_the_digest():
    found, left = set(), [PACKAGE / "data" / "cache_build.py", PACKAGE / "data" / "selection.py"]
    while left:
        file = left.pop()
        if file.exists() and file not in found:
            found.add(file)
            left += imported(file)
    counted = {file for pattern in subject.SOURCES for file in PACKAGE.glob(pattern)}
    assert {file for file in found if file.name != "__init__.py"} <= counted
    assert PACKAGE / "data" / "layouts" / "joining.py" in found


def test_every_source_of_the_digest_is_there():
    assert all(list(PACKAGE.glob(pattern)) for pattern in subject.SOURCES)


@pytest.fixture
def package(tmp_path):
    return shutil.copytree(
        PACKAGE, tmp_path / "bench", ignore=shutil.ignore_patterns("__pycache__")
    )


@pytest.mark.parametrize(
    "file", ["data/decode.py", "data/images.py", "data/layouts/patterns.py", "data/plasma.csv"]
)
def test_changed_decoding_changes_the_digest(package, file):
    source = package / file
    source.write_bytes(source.read_bytes().replace(b"0", b"1", 1))
    assert decoding_digest(package) != decoding_digest()


def test_other_code_does_not_change_the_digest(package):
    with (package / "data" / "augment.py").open("a") as file:
        file.write("# more\n")
    assert decoding_digest(package) == decoding_digest()


def test_another_version_of_a_library_changes_the_digest(package, monkeypatch):
    monkeypatch.setattr(subject.metadata, "version", lambda name: f"{name} of tomorrow")
    assert decoding_digest(package) != decoding_digest()


def test_a_cache_that_other_code_decoded_is_not_used(tmp_path, monkeypatch):
    path = canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries(samples=4))
    told = []

    def opened():
        return open_dataset(
            [path], (32, 32), root=tmp_path / "cache", on_progress=lambda *done: told.append(done)
        )

    first = opened()
    monkeypatch.setattr("bench.data.cache.decoding_digest", lambda: "0" * 64)
    assert opened().fingerprint == first.fingerprint  # of the data alone
    assert [done for done, total in told].count(6) == 2
    monkeypatch.undo()
    opened()
    assert len(told) == 12  # what one's own code has decoded stands there yet
