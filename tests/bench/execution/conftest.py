"""Grids of tiny networks, and what the tests with planted faults compare with."""

from datetime import UTC, datetime
from pathlib import Path

import planted_run
import pytest
import tiny_network
import torch
import yaml

from bench.events import TimingDone
from bench.execution.run import run
from bench.machine import environment
from bench.settings import grid_file
from bench.study.measurement import Measurement
from bench.study.study import Study


@pytest.fixture(scope="session")
def sound_figures(tmp_path_factory, rendered_archive):
    """The figures of the sound network, run by itself in this process."""
    folder = tmp_path_factory.mktemp("sound")
    planted_run.write_grid(folder, rendered_archive, [planted_run.SOUND])
    question, study = grid_file.load(folder / "grid.yaml"), Study(folder / "study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(folder / "cache"))
        run(question, study, device=torch.device("cpu"), threads=1, throughput=False)
    cell = list(question.cells())[-1]
    found = planted_run.figures(study.load(), cell.id)
    assert found is not None
    return found


@pytest.fixture
def asked(tmp_path, rendered_archive, tiny_network):
    def asked(**sections):
        content = {
            "architectures": [tiny_network],
            "losses": ["bce", "l1"],
            "data": {"archive": str(rendered_archive), "image_size": 32},
            "train": {"epochs": 1, "batch_size": 8},
        }
        path = tmp_path / "grid.yaml"
        path.write_text(yaml.safe_dump(content | sections))
        return grid_file.load(path)

    return asked


@pytest.fixture
def timed(monkeypatch):
    """The cases that were timed and beside what, without timing them; wider ones fail."""
    timed = []

    def measure(cases, reference, plan, device, *, threads, limit_s, listen):
        for case in cases:
            timed.append((case, reference))
            measurement = Measurement(
                case=case,
                environment=environment.describe(device),
                measured_utc=datetime.now(UTC),
                failure="out of memory" if "channels" in case.label else None,
            )
            listen(TimingDone(measurement))

    monkeypatch.setattr("bench.throughput.rounds.measure", measure)
    return timed


TINY = Path(tiny_network.__file__)


USERS = "from networks import *\n"


@pytest.fixture
def users_network(tmp_path):
    """A user's file that imports its neighbour; the folder is on no path."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "networks.py").write_text(TINY.read_text())
    (folder / "mine.py").write_text(USERS)
    return folder
