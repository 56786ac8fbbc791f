"""What failed is a record with its kind, and runs again when it is asked for by that kind."""

import pytest
from watched_run import CPU, Watch

from bench.errors import InputError
from bench.execution.launchers import start_server
from bench.execution.run import run
from bench.study import places
from bench.study.record import FailureKind
from bench.study.study import Study

KILLED = """
import os, signal
from torch import nn

class Killed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 1)

    def forward(self, background, composite):
        os.kill(os.getpid(), signal.SIGKILL)
"""

pytestmark = pytest.mark.usefixtures("timed")


@pytest.fixture
def server():
    server = start_server()
    yield server
    server.end()


def kinds(study):
    return {
        r.cell.architecture.label.partition("(")[2]: r.failure_kind
        for r in study.load().records.values()
        if r.failure is not None
    }


def test_each_kind_of_failure_is_told_apart(asked, tmp_path, tiny_network, server):
    ways = ("learns_nan", "crashes", "dies", "hangs")
    question = asked(
        architectures=[tiny_network, *({"name": tiny_network, way: True} for way in ways)],
        losses=["bce"],
        limits={"seconds": 5},
    )
    study = Study(tmp_path / "study")
    run(question, study, device=CPU, server=server)
    assert kinds(study) == {
        "learns_nan=True)": FailureKind.DIVERGED,
        "crashes=True)": FailureKind.OUT_OF_MEMORY,
        "dies=True)": FailureKind.ERROR,
        "hangs=True)": FailureKind.TIMEOUT,
    }


def test_only_the_kinds_that_are_asked_for_run_again(asked, tmp_path, tiny_network):
    question = asked(
        architectures=[{"name": tiny_network, way: True} for way in ("learns_nan", "crashes")],
        losses=["bce"],
    )
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    for retry, begun in (([], []), ([FailureKind.OUT_OF_MEMORY], ["crashes"])):
        watch = Watch()
        run(question, study, device=CPU, listen=watch, retry=retry)
        assert len(watch.started) == len(begun)
        assert all(way in label for way, label in zip(begun, watch.started, strict=True))


def test_a_killed_cell_is_tried_three_times_in_a_run_and_again_in_the_next(asked, tmp_path):
    (tmp_path / "killed.py").write_text(KILLED)
    question = asked(architectures=[f"{tmp_path / 'killed.py'}:Killed"], losses=["bce"])
    study = Study(tmp_path / "study")
    for begun_otherwise in (["empty mask", "full mask", "difference"], []):
        watch = Watch()
        run(question, study, device=CPU, server=start_server(), listen=watch)
        assert len([label for label in watch.started if "Killed" in label]) == 3
        assert set(begun_otherwise) <= set(watch.started)
        assert set(kinds(study).values()) == {FailureKind.KILLED}


def test_a_study_that_cannot_be_written_to_ends_the_run_with_one_line(asked, tmp_path, monkeypatch):
    study = Study(tmp_path / "study")
    original = Study.write_cell

    def full(self, record, *more):
        if record.cell.loss is not None:
            (self.folder / places.CELLS).rename(tmp_path / "aside")
            (self.folder / places.CELLS).write_text("in the way")
        original(self, record, *more)

    monkeypatch.setattr(Study, "write_cell", full)
    with pytest.raises(
        InputError, match=r"study: cannot be written to: .*the same command goes on"
    ):
        run(asked(losses=["bce"]), study, device=CPU)
