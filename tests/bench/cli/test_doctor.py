"""`bench doctor`: what will be slow or fail, and what to do about it."""

import tomllib
from importlib import metadata

import pytest
import torch
from typer.testing import CliRunner

from bench.cli import app
from bench.machine import capacity, diagnosis, installation
from bench.machine.capacity import Disk
from bench.machine.diagnosis import Kind, diagnose

GIB = 2**30


@pytest.fixture
def machine(monkeypatch):
    """A machine of two cores on which all is well; a test spoils it."""
    monkeypatch.setattr(capacity, "cores", lambda: 2.0)
    monkeypatch.setattr(capacity, "memory", lambda: (16 * GIB, 8 * GIB))
    monkeypatch.setattr(capacity, "disk", lambda _: Disk(100 * GIB, "ext4", is_writable=True))
    monkeypatch.setattr(capacity, "has_bf16", lambda: True)
    monkeypatch.setattr(diagnosis, "nvidia_driver", lambda: None)
    monkeypatch.setattr(diagnosis, "choose", lambda _: torch.device("cpu"))
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    for name in (*diagnosis.THREAD_SETTINGS, "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(installation, "missing", list)
    return monkeypatch


def problems(tmp_path):
    return [(one.kind, one.text, one.cure) for one in diagnose(tmp_path) if one.kind != Kind.FACT]


def doctor():
    return CliRunner().invoke(app, ["doctor"])


def test_a_machine_on_which_all_is_well_has_facts_alone(machine, tmp_path):
    assert problems(tmp_path) == []
    result = doctor()
    assert result.exit_code == 0
    lines = result.output.splitlines()
    titles = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert titles == ["version", "device", "cores", "memory", "cache"]
    assert "memory    8.0 of 16.0 GiB are free" in lines
    assert max(map(len, lines)) <= 80


SLOW = {
    "torch for the CPU beside a card": (
        [(diagnosis, "nvidia_driver", lambda: "550.54")],
        "an NVIDIA card (driver 550.54), which is not used: torch ",
        "pip install --force-reinstall torch",
    ),
    "a driver that is too old": (
        [(diagnosis, "nvidia_driver", lambda: "450.1"), (torch.version, "cuda", "13.0")],
        "is built for CUDA 13.0, which finds no device",
        "a newer driver",
    ),
    "fewer cores than threads": (
        [(capacity, "cores", lambda: 1.5)],
        "2 threads wait for each other on 1.5 cores",
        "OMP_NUM_THREADS=1, or --threads 1",
    ),
    "no bf16": (
        [(capacity, "has_bf16", lambda: False)],
        "the processor emulates bf16",
        "train: {precision: float32}",
    ),
    "no fork": (
        [(diagnosis, "FORKS", False)],
        "processes are not forked",
        "Linux; or --launcher inline",
    ),
    "little memory": (
        [(capacity, "memory", lambda: (16 * GIB, GIB))],
        "1.0 GiB are little",
        "end other programs",
    ),
    "a full disk": (
        [(capacity, "disk", lambda _: Disk(GIB // 2, "ext4", is_writable=True))],
        "decoded anew whenever they are used",
        "MASKDEPTH_CACHE names another folder",
    ),
    "a disk of another machine": (
        [(capacity, "disk", lambda _: Disk(100 * GIB, "nfs4", is_writable=True))],
        "read over a network",
        "MASKDEPTH_CACHE names another folder, on a disk of this machine",
    ),
}


@pytest.mark.parametrize("fault", SLOW)
def test_what_will_be_slow_is_said_with_its_cure(machine, tmp_path, fault):
    spoilt, text, cure = SLOW[fault]
    for place, name, value in spoilt:
        machine.setattr(place, name, value)
    ((kind, said, done),) = problems(tmp_path)
    assert (kind, text in said, done.startswith(cure)) == (Kind.SLOW, True, True)
    assert doctor().exit_code == 0


def test_a_card_that_is_hidden_is_told_from_one_that_cannot_be_used(machine, tmp_path):
    machine.setattr(diagnosis, "nvidia_driver", lambda: "550.54")
    machine.setattr(torch.version, "cuda", "13.0")
    machine.setenv("CUDA_VISIBLE_DEVICES", "")
    ((_, said, cure),) = problems(tmp_path)
    assert said.endswith("CUDA_VISIBLE_DEVICES is ''")
    assert cure == "unset CUDA_VISIBLE_DEVICES"


def test_a_setting_that_leaves_cores_without_work_is_named(machine, tmp_path):
    machine.setattr(torch, "get_num_threads", lambda: 1)
    assert problems(tmp_path) == []  # torch takes one thread of two that share a core
    machine.setenv("OMP_NUM_THREADS", "1")
    ((_, said, cure),) = problems(tmp_path)
    assert said == "OMP_NUM_THREADS=1 leaves 1 of 2 cores without work"
    assert cure == "unset OMP_NUM_THREADS, or give --threads 2"


def test_what_will_not_work_ends_in_exit_code_1(machine):
    machine.setattr(capacity, "disk", lambda _: Disk(100 * GIB, "ext4", is_writable=False))
    result = doctor()
    assert result.exit_code == 1
    assert "will fail decoded images cannot be kept in" in result.output


@pytest.fixture
def packages(monkeypatch):
    """The project needs three packages, of which one is there."""
    needed = ["torch>=2", 'optuna>=4; extra == "tune"', 'ruff; extra == "dev"', "simplejpeg>=1.7"]
    monkeypatch.setattr(metadata, "requires", lambda _: needed)

    def version(name):
        if name not in {"torch", "maskdepth-bench"}:
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(metadata, "version", version)


def test_packages_that_are_missing_are_told_from_those_of_extras(packages):
    assert installation.missing() == [("optuna", "tune"), ("simplejpeg", None)]


def test_a_missing_package_is_said_with_how_to_install_it(packages):
    result = doctor()
    assert result.exit_code == 1
    assert "simplejpeg is not installed" in result.output
    assert "pip install -e . in the checkout" in result.output
    assert "optuna, for `tune` in a grid" in result.output
    assert "pip install -e '.[tune]' in the checkout" in result.output


def test_every_extra_of_the_project_is_known_to_the_doctor(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].keys() - {installation.OF_DEVELOPERS}
    assert installation.EXTRAS.keys() == extras
