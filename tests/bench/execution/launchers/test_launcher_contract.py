"""Whatever runs cells, they end alike, and nobody learns from their records which it was."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any

import own_loss
import pytest
import torch
import yaml

from bench.errors import InputError
from bench.events import EpochDone, StepDone
from bench.execution.cell import CellResult, Job
from bench.execution.context import open_context
from bench.execution.launchers import start_server
from bench.execution.launchers.contract import Died, Stopped
from bench.execution.launchers.inline import Inline
from bench.execution.launchers.processes import Processes
from bench.execution.provenance import Inventory
from bench.machine.stop import Stop
from bench.settings import grid_file
from bench.study.record import FailureKind

EPOCHS = 5  # the stop is asked for in the first one, and may take a second to arrive
NETWORKS = {
    "sound": {},
    "wider": {"channels": 12},
    "raises": {"crashes": True},
    "dies": {"dies": True},
    "slow": {"pause_s": 0.15},
}


@dataclass
class Asked:
    """What a launcher is given besides its jobs, and what it has told."""

    stop: Stop = field(default_factory=Stop)
    events: list[Any] = field(default_factory=list)
    stop_at: type | None = None

    def listen(self, event):
        self.events.append(event)
        if self.stop_at is not None and isinstance(event, self.stop_at):
            self.stop.ask()


@pytest.fixture(scope="module")
def context_of_grid(tmp_path_factory, rendered_archive, tiny_network):
    """A grid of `NETWORKS` with a user's loss, and what its cells share; one cache for all."""
    folder = tmp_path_factory.mktemp("launched")
    content = {
        "architectures": [{"name": tiny_network, **options} for options in NETWORKS.values()],
        "losses": [f"{own_loss.__file__}:own_bce"],
        "data": {"archive": str(rendered_archive), "image_size": 32},
        "train": {"epochs": EPOCHS, "batch_size": 4},
    }
    (folder / "grid.yaml").write_text(yaml.safe_dump(content))
    grid = grid_file.load(folder / "grid.yaml")
    (folder / "study").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield grid, open_context(grid, torch.device("cpu"), folder / "study" / "checkpoints")


@pytest.fixture(scope="module")
def cells(context_of_grid):
    """The trained cells by the names in `NETWORKS`, and a baseline."""
    grid, _ = context_of_grid
    trained = [cell for cell in grid.cells() if cell.loss is not None]
    baseline = next(cell for cell in grid.cells() if cell.loss is None)
    return dict(zip(NETWORKS, trained, strict=True)) | {"baseline": baseline}


@contextmanager
def inline(grid, context):
    yield lambda asked: Inline(context, asked.listen, asked.stop)


@contextmanager
def processes(grid, context):
    server = start_server()
    try:
        yield lambda asked: Processes(server, grid, context, asked.listen, asked.stop)
    finally:
        server.end()


def launcher_of(cluster, grid, own_context, asked, context=None):
    return cluster.launcher(grid, context or own_context, asked.listen, asked.stop)


@contextmanager
def ray(grid, context):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with import_module("bench.execution.launchers.ray").ray_cluster({}) as cluster:
        yield partial(launcher_of, cluster, grid, context)


@contextmanager
def slurm(grid, context):
    pytest.importorskip("submitit", reason="the extra `slurm` is not installed")
    module = import_module("bench.execution.launchers.slurm")
    # By default a job has two minutes, in which a busy machine may not even have loaded torch.
    cluster = module.SlurmCluster({"timeout_min": 30}, executor="local")
    yield partial(launcher_of, cluster, grid, context)


@pytest.fixture(
    scope="module",
    params=[inline, processes, ray, pytest.param(slurm, marks=pytest.mark.slow)],
    ids=lambda opened: opened.__name__,
)
def launcher(request, context_of_grid):
    """Makes a launcher of each kind; its name."""
    with request.param(*context_of_grid) as create:
        yield create, request.param.__name__


@dataclass
class Launched:
    """How jobs ended, by the names of their cells; what was told; how many were ever open."""

    answers: dict[str, Any]
    events: list[Any]
    most_open: int


def launch(create, cells, names, asked=None, count=2):
    asked = asked or Asked()
    begun, ended = [], {}
    most_open = 0

    def jobs():
        nonlocal most_open
        for name in names:
            begun.append(name)
            most_open = max(most_open, len(begun) - len(ended))
            yield Job(cells[name])

    known = {cell.id: name for name, cell in cells.items()}
    for job, answer in create(asked)(jobs(), count):
        ended[known[job.cell.id]] = answer
    return Launched(ended, asked.events, most_open)


@pytest.fixture(scope="module")
def launched(launcher, cells):
    """Cells of all sorts, two at a time; but none that would end this process."""
    create, kind = launcher
    names = ["sound", "raises", "dies", "wider", "baseline"]
    return launch(create, cells, [n for n in names if (n, kind) != ("dies", "inline")])


@pytest.fixture(scope="module")
def alone(context_of_grid, cells):
    """The same cells, each by itself in this process."""
    with inline(*context_of_grid) as create:
        return launch(create, cells, ["sound", "wider", "baseline", "slow"], count=1).answers


def assert_equal(result, expected):
    """Whether two cells agree in every figure, to the last bit."""
    assert result.tables.keys() == expected.tables.keys()
    for name, table in result.tables.items():
        assert table.equals(expected.tables[name])
    assert result.weights == expected.weights
    assert result.record.summary == expected.record.summary
    assert result.record.provenance == expected.record.provenance
    assert result.record.environment == expected.record.environment
    if expected.record.training is not None:
        curves = [
            [(epoch.losses, epoch.val) for epoch in one.record.training.curve]
            for one in (result, expected)
        ]
        assert curves[0] == curves[1]


@pytest.mark.parametrize("name", ["sound", "wider", "baseline"])
def test_a_cell_has_the_same_record_whichever_launcher_runs_it(launched, alone, name):
    assert_equal(launched.answers[name], alone[name])


def test_a_network_that_raises_gives_a_failed_record(launched):
    record = launched.answers["raises"].record
    assert record.failure_kind is FailureKind.OUT_OF_MEMORY
    assert "tried to allocate 20.00 GiB" in record.failure
    assert "in forward" in record.failure_details


def test_a_process_that_dies_ends_its_cell_alone(launched, launcher):
    if launcher[1] == "inline":
        pytest.skip("a process that dies is this one")
    died = launched.answers["dies"]
    assert isinstance(died, Died)
    assert died.kind is FailureKind.ERROR
    assert died.why == "its process ended by itself with exit code 9"
    assert len(launched.answers) == 5


def test_a_job_is_asked_for_when_there_is_room_for_it(launched):
    assert launched.most_open <= 2


def test_what_a_cell_tells_is_heard(launched, cells):
    told = [e for e in launched.events if getattr(e, "cell_id", None) == cells["sound"].id]
    assert [e.number for e in told if isinstance(e, EpochDone)] == list(range(1, EPOCHS + 1))
    assert any(isinstance(e, StepDone) for e in told)


def test_a_cell_that_is_asked_to_stop_goes_on_from_its_checkpoint(
    launcher, context_of_grid, cells, alone
):
    create, _ = launcher
    asked = Asked(stop_at=EpochDone)
    stopped = launch(create, cells, ["slow", "sound", "wider"], asked, count=1)
    assert stopped.answers == {"slow": Stopped()}
    checkpoint = context_of_grid[1].folder / cells["slow"].id
    assert any(checkpoint.iterdir())
    again = launch(create, cells, ["slow"])
    assert isinstance(again.answers["slow"], CellResult)
    assert_equal(again.answers["slow"], alone["slow"])
    epochs = [event.number for event in again.events if isinstance(event, EpochDone)]
    assert epochs[0] > 1


def test_a_machine_that_has_other_data_is_named_and_runs_nothing(launcher, context_of_grid, cells):
    create, kind = launcher
    if kind in {"inline", "processes"}:
        pytest.skip("cells run where the study is kept")
    _, context = context_of_grid
    split = context.inventory.of(cells["sound"]).split
    elsewhere = replace(context, inventory=Inventory("other data", split))
    asked = Asked()
    with pytest.raises(InputError, match=r"on .*: this is not what the run has: the data changed"):
        list(create(asked, elsewhere)([Job(cells["sound"])], 1))
