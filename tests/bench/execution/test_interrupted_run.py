"""What is stopped or killed goes on, whoever was killed, and ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.study import places
from bench.study.claims import held
from bench.study.study import Study

GRID = """
architectures:
  - {{name: unet, width: 0.0625}}
  - {{name: '{network}', channels: 16}}
losses: [bce]
data: {{archive: {archive}, image_size: 32}}
train: {{epochs: 40, batch_size: 8, precision: float32, flip: true}}
keep: {{checkpoint_seconds: 0.2}}
"""
CODE = """
import sys
from bench.execution import run
run.measure_throughput = lambda *_, **__: None  # which this is not about
from bench.cli import main
main()
"""


@pytest.fixture(scope="module")
def grid(tmp_path_factory, rendered_archive, tiny_network):
    path = tmp_path_factory.mktemp("asked") / "grid.yaml"
    path.write_text(GRID.format(network=tiny_network, archive=rendered_archive))
    return path


@pytest.fixture(scope="module")
def expected(grid):
    """The scores of a run that is left alone."""
    study = grid.with_name("alone")
    assert Run(grid, study).wait()[0] == 0
    return scores(study)


class Run:
    """A run in a process group of its own, with Ctrl-C as on a terminal."""

    def __init__(self, grid, study):
        self.study = study
        command = [sys.executable, "-c", CODE, "run", "--grid", str(grid), "--out", str(study)]
        self.process = subprocess.Popen(
            [*command, "--threads", "1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait(self):
        printed, _ = self.process.communicate(timeout=240)
        return self.process.returncode, printed

    def until(self, condition):
        deadline = time.monotonic() + 120
        while not condition():
            assert self.process.poll() is None, self.process.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def until_checkpoint(self):
        """Until some cell has one, and return the cell."""
        places_of = (self.study / places.CHECKPOINTS).glob("*/state.safetensors")
        self.until(lambda: any((self.study / places.CHECKPOINTS).glob("*/state.safetensors")))
        return [place.parent.name for place in places_of]


@pytest.fixture
def begin(tmp_path):
    begun = []

    def begin(grid, study=tmp_path / "study"):
        begun.append(Run(grid, study))
        return begun[-1]

    yield begin
    for run in begun:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
            run.process.wait()


def scores(study):
    results = Study(study).load()
    assert results.damaged == {}
    return {
        cell_id: (
            record.failure,
            record.summary,
            record.training and [e.losses for e in record.training.curve],
            results.scores(cell_id).to_csv(),
        )
        for cell_id, record in results.records.items()
    }


def left_behind(study):
    """What no finished run leaves: checkpoints, claims, half-written folders."""
    places_of = [study / places.CHECKPOINTS, study / places.CLAIMS]
    return [
        *(path for place in places_of if place.exists() for path in place.iterdir()),
        *study.rglob(".*~*"),
    ]


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_run_that_is_asked_to_stop_keeps_what_it_has_and_goes_on(grid, expected, begin, number):
    run = begin(grid)
    run.until_checkpoint()
    asked = time.monotonic()
    run.process.send_signal(number)
    code, printed = run.wait()
    assert time.monotonic() - asked < 10
    assert code == 130
    assert "the same command goes on from here" in printed
    assert any((run.study / places.CHECKPOINTS).iterdir())
    assert begin(grid).wait()[0] == 0
    assert scores(run.study) == expected
    assert left_behind(run.study) == []


@pytest.mark.slow
def test_a_second_ctrl_c_ends_it_at_once(grid, begin):
    run = begin(grid)
    run.until_checkpoint()
    os.killpg(run.process.pid, signal.SIGSTOP)  # so that both are there when it goes on
    run.process.send_signal(signal.SIGINT)
    run.process.send_signal(signal.SIGTERM)
    os.killpg(run.process.pid, signal.SIGCONT)
    assert run.wait()[0] == 130


def test_a_scheduler_may_ask_every_process_at_once(grid, expected, begin):
    run = begin(grid)
    run.until_checkpoint()
    os.killpg(run.process.pid, signal.SIGTERM)  # cells are in groups of their own
    assert run.wait()[0] == 130
    assert any((run.study / places.CHECKPOINTS).iterdir())
    assert begin(grid).wait()[0] == 0
    assert scores(run.study) == expected
    assert left_behind(run.study) == []


@pytest.mark.parametrize("who", ["cell", pytest.param("server", marks=pytest.mark.slow), "run"])
def test_whoever_is_killed_the_cell_goes_on_from_its_checkpoint(grid, expected, begin, who):
    run = begin(grid)
    run.until_checkpoint()
    server = int(children(run.process.pid)[0])
    victims = {"cell": children(server), "server": [server], "run": [run.process.pid]}[who]
    for victim in victims:
        os.kill(int(victim), signal.SIGKILL)
    code, _ = run.wait()
    if who == "run":
        assert code == -signal.SIGKILL
        code, _ = begin(grid).wait()
    assert code == 0
    assert scores(run.study) == expected
    assert left_behind(run.study) == []


def children(process):
    """Those that take part in the run; multiprocessing has one more, which tracks its resources."""
    found = subprocess.run(
        ["/bin/ps", "-o", "pid=,args=", "--ppid", str(process)],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split(maxsplit=1) for line in found.stdout.splitlines()]
    return [pid for pid, arguments in lines if "resource_tracker" not in arguments]


def test_two_runs_on_one_study_do_nothing_twice(grid, expected, begin, tmp_path):
    ended = [run.wait() for run in [begin(grid), begin(grid)]]
    assert [code for code, _ in ended] == [0, 0]
    begun = [
        line.partition("] ")[2].partition(": epoch 1/")[0]
        for _, text in ended
        for line in text.splitlines()
        if ": epoch 1/" in line
    ]
    assert len(begun) == len(set(begun)) == 2  # the grid's trained cells
    assert scores(tmp_path / "study") == expected
    assert left_behind(tmp_path / "study") == []


def test_a_study_that_is_removed_meanwhile_ends_the_run_with_one_line(grid, begin):
    run = begin(grid)
    run.until_checkpoint()
    # In one step, as what the run is writing at that moment cannot be deleted file by file.
    run.study.rename(run.study.with_name("removed"))
    code, printed = run.wait()
    assert code == 2
    assert "was removed during the run" in printed.splitlines()[-1]


def test_the_status_says_who_is_at_what_and_what_goes_on(grid, begin):
    run = begin(grid)
    run.until(lambda: any("step" in claim for _, claim in held(run.study / places.CLAIMS)))
    shown = CliRunner().invoke(app, ["status", str(run.study)]).output
    assert f"by process {run.process.pid}" in " ".join(shown.split())
    run.process.send_signal(signal.SIGINT)
    run.wait()
    shown = CliRunner().invoke(app, ["status", str(run.study)]).output
    assert "1 begun" in shown
