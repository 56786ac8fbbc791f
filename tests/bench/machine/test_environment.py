import subprocess

import pytest
import torch

from bench.machine import environment

CPU = torch.device("cpu")


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e"]
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository of this project, with nothing but what tells it."""
    for name in ("bench", "architectures", "losses"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "pyproject.toml").touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    return tmp_path


def test_the_commit_is_that_of_the_checkout(checkout):
    found = environment.describe(CPU)
    assert (found.commit, found.dirty) == (git(checkout, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize("file", ["losses/__init__.py", "bench/new.py"])
def test_a_changed_or_untracked_file_of_the_packages_makes_it_dirty(checkout, file):
    (checkout / file).write_text("x = 1\n")
    assert environment.describe(CPU).dirty


def test_a_file_beside_the_packages_does_not(checkout):
    (checkout / "notes.txt").write_text("x")
    assert not environment.describe(CPU).dirty


def test_a_package_in_somebodys_repository_does_not_tell_that_ones_commit(checkout, monkeypatch):
    inner = checkout / "venv" / "site-packages"
    (inner / "bench").mkdir(parents=True)
    monkeypatch.setattr(environment, "ROOT", inner)
    found = environment.describe(CPU)
    assert (found.commit, found.dirty) == (None, False)


def test_packages_copied_into_the_root_of_somebodys_repository_do_not_either(checkout, monkeypatch):
    git(checkout, "rm", "--quiet", "--cached", "-r", "bench")
    git(checkout, "commit", "--quiet", "--message", "not ours")
    found = environment.describe(CPU)
    assert (found.commit, found.dirty) == (None, False)


def test_the_version_of_torch_names_its_build():
    assert environment.describe(CPU).packages["torch"] == torch.__version__


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19",
            "535.104.05",
        ),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build",
            "570.86.10",
        ),
    ],
)
def test_the_driver_is_read_from_where_it_tells_its_version(tmp_path, monkeypatch, text, driver):
    (tmp_path / "version").write_text(text)
    monkeypatch.setattr(environment, "DRIVER", tmp_path / "version")
    assert environment.nvidia_driver() == driver
