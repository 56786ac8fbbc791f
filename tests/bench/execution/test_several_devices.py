"""A cell that takes several devices: two processes on the CPU."""

import signal

import pytest
import torch
from watched_run import CPU, figures

from bench.errors import InputError
from bench.events import StepDone
from bench.execution.launchers import start_server
from bench.execution.run import run
from bench.report.leaderboard import leaderboards
from bench.study.record import FailureKind
from bench.study.study import Study

PLAIN = {
    "epochs": 3,
    "batch_size": 8,
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "schedule": "constant",
    "precision": "float32",
}
UNET = {"name": "unet", "width": 0.0625}
HUNGRY = """
import torch
import torch.distributed as dist
from networks import *


def hungry():
    network = tiny_network()
    network.register_forward_pre_hook(refuse)
    return network


def refuse(network, images):
    if network.training and dist.get_rank() == 1 and len(images[0]) > 2:
        raise torch.OutOfMemoryError("tried to allocate 20.00 GiB")
"""


def trained(study):
    return [record for record in study.load().records.values() if record.cell.loss is not None]


@pytest.fixture
def server():
    server = start_server()
    yield server
    server.end()


def test_more_devices_than_there_are_is_one_line_before_anything_is_trained(asked, tmp_path):
    study = Study(tmp_path / "study")
    with pytest.raises(InputError, match="devices_per_cell: 2 processes on the CPU need a thread"):
        run(asked(devices_per_cell=2), study, device=CPU, threads=1)
    line = "devices_per_cell: 4 devices are asked for, and there are 1 of mps here; give at most 1"
    with pytest.raises(InputError, match=line):
        run(asked(devices_per_cell=4), study, device=torch.device("mps"))
    assert not study.folder.exists()


def test_cells_of_several_devices_are_not_put_side_by_side(asked, tmp_path):
    with pytest.raises(InputError, match="--per-device: cells that take several devices each run"):
        run(asked(devices_per_cell=2), Study(tmp_path), device=CPU, threads=2, per_device=2)


@pytest.mark.slow
def test_two_devices_give_the_figures_of_one_and_are_told_of(asked, tmp_path, server):
    """With a teacher, which they train together too."""
    teacher = {"architecture": UNET | {"inputs": "composite"}, "epochs": 1}
    sections = {
        "architectures": [UNET],
        "losses": [{"mask": "bce", "depth": "l1"}],
        "train": PLAIN | {"teacher": teacher | {k: v for k, v in PLAIN.items() if k != "epochs"}},
    }
    one, two = Study(tmp_path / "one"), Study(tmp_path / "two")
    run(asked(**sections), one, device=CPU, threads=1, throughput=False)
    together = asked(devices_per_cell=2, **sections)
    run(together, two, device=CPU, threads=2, server=server, throughput=False)
    (expected,), (found,) = trained(one), trained(two)
    assert found.failure is None
    assert found.cell.id != expected.cell.id
    assert found.summary == pytest.approx(expected.summary, abs=1e-4)
    assert found.consistency == pytest.approx(expected.consistency, abs=1e-4)
    for training in (found.training, found.teacher):
        assert [(e.devices, e.sync_batch_norm) for e in training.executions] == [(2, True)]
    (board,) = leaderboards(two.load())
    line = "seed 0: each batch divided among 2 devices; BatchNorm saw them all (SyncBatchNorm)"
    assert line in board.rows[0].remarks


@pytest.mark.slow
def test_where_memory_runs_out_on_one_device_all_divide_their_batches(
    asked, tmp_path, users_network
):
    (users_network / "hungry.py").write_text(HUNGRY)
    network, study = f"{users_network / 'hungry.py'}:hungry", Study(tmp_path / "study")
    question = asked(architectures=[network], losses=["bce"], devices_per_cell=2)
    run(question, study, device=CPU, threads=2, throughput=False)
    (record,) = trained(study)
    assert record.failure is None
    (execution,) = record.training.executions
    assert (execution.accumulation_steps, execution.out_of_memory) == (2, True)


@pytest.mark.slow
def test_a_cell_of_which_a_process_dies_fails_and_the_next_one_goes_on(
    asked, tmp_path, tiny_network, server
):
    networks = [{"name": tiny_network, "dies": True}, tiny_network]
    question = asked(architectures=networks, losses=["bce"], devices_per_cell=2)
    study = Study(tmp_path / "study")
    run(question, study, device=CPU, threads=2, server=server, throughput=False)
    failures = {r.cell.architecture.options.get("dies"): r for r in trained(study)}
    assert failures[None].failure is None
    died = failures[True]
    assert "its process ended by itself with exit code 9, which was rank" in died.failure
    assert died.failure_kind is FailureKind.ERROR


@pytest.mark.slow
def test_a_stopped_cell_goes_on_from_its_checkpoint(asked, tmp_path):
    question = asked(
        architectures=[UNET],
        losses=["bce"],
        train=PLAIN | {"epochs": 40},
        devices_per_cell=2,
    )
    alone, stopped = Study(tmp_path / "alone"), Study(tmp_path / "stopped")
    run(question, alone, device=CPU, threads=2, throughput=False)
    steps = []

    def interrupt(event):
        if isinstance(event, StepDone):
            if not steps:
                signal.raise_signal(signal.SIGINT)
            steps.append(event.step)

    with pytest.raises(KeyboardInterrupt):
        run(question, stopped, device=CPU, threads=2, throughput=False, listen=interrupt)
    assert trained(stopped) == []
    again = []
    run(
        question,
        stopped,
        device=CPU,
        threads=2,
        throughput=False,
        listen=lambda e: again.append(e.step) if isinstance(e, StepDone) else None,
    )
    assert steps[-1] < 80
    assert again[0] > steps[0]
    assert figures(stopped) == figures(alone)
