"""Probes of tiny networks, in processes of their own."""

import math
import signal
import time

import pytest
import torch

from bench.errors import InputError
from bench.execution.context import open_context
from bench.execution.estimating import estimate, to_probe
from bench.execution.launchers import start_server
from bench.execution.probe import probe
from bench.execution.run import look_ahead, run
from bench.settings import grid_file
from bench.study.estimate import row_of
from bench.study.study import Study

CPU = torch.device("cpu")


@pytest.fixture
def probed(tmp_path):
    """Have a cell's first steps run in this process."""

    def probed(question, number=-1):
        context = open_context(question, CPU, tmp_path)
        return probe(list(question.cells())[number], context, lambda: False)

    return probed


def estimated(question, study, **options):
    planned = look_ahead(question, study)
    return estimate(question, planned, study, device=CPU, server=start_server(), **options)


@pytest.fixture(scope="module")
def of_faulty_networks(tmp_path_factory, rendered_archive, tiny_network):
    """What networks come to that end in their probes, beside one that does not."""
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "grid.yaml").write_text(f"""
architectures:
  - {tiny_network}
  - {{name: '{tiny_network}', crashes: true}}
  - {{name: '{tiny_network}', dies: true}}
  - {{name: '{tiny_network}', hangs: true}}
  - {{name: '{tiny_network}', channels: 256}}
losses: [bce]
data: {{archive: {rendered_archive}, image_size: 32}}
train: {{epochs: 3, batch_size: 8}}
limits: {{seconds: 6}}
keep: {{weights: none}}
""")
    question, study = grid_file.load(folder / "grid.yaml"), Study(folder / "study")
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(folder / "cache"))
        found = estimated(question, study, on_progress=lambda *counts: told.append(counts))
    return found, study, told


def cost_of(found, label):
    (cell,) = [cell for cell in found.cells if cell.loss and label in cell.architecture.label]
    return found.costs[row_of(cell)]


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("crashes", "out of memory: tried to allocate 20.00 GiB (tiny_network.py:"),
        ("dies", "its process ended by itself with exit code 9"),
        ("hangs", "stopped after 6 s (limits.seconds)"),
    ],
)
def test_a_network_that_fails_ends_its_own_probe_alone(of_faulty_networks, network, why):
    found, _, _ = of_faulty_networks
    assert cost_of(found, network).startswith(why)
    assert cost_of(found, "channels=256").cell_s > 0


def test_what_was_probed_is_told_and_no_study_is_written(of_faulty_networks):
    _, study, told = of_faulty_networks
    assert told[-11:] == [(done, 10) for done in range(11)]
    assert not study.folder.exists()


def test_weights_that_are_not_kept_take_no_disk_but_in_checkpoints(of_faulty_networks):
    cost = cost_of(of_faulty_networks[0], "channels=256")
    weights = 4 * (256 * (6 * 25 + 1 + 4 + 2 * 25) + 2)
    assert cost.kept_bytes < weights
    # the weights, the best epoch's, and two moments of each
    assert cost.checkpoint_bytes == pytest.approx(4 * weights, rel=0.02)


@pytest.mark.slow
def test_it_takes_the_memory_and_the_disk_that_it_then_takes(asked, tmp_path, rendered_archive):
    # A network of many layers and a run no shorter than its probe: else the peak is told by where
    # in the process's heap one block came to lie.
    question = asked(
        architectures=[{"name": "unet", "width": 0.25}],
        losses=["bce"],
        data={"archive": str(rendered_archive), "image_size": 64},
        train={"epochs": 8, "batch_size": 8},
    )
    study = Study(tmp_path / "study")
    found = estimated(question, study)
    run(question, study, device=CPU, server=start_server(), throughput=False)
    (cell,) = [cell for cell in question.cells() if cell.loss]
    cost, record = found.cost_of(cell), study.load().record_of(cell)
    assert cost.peak_memory_mib == pytest.approx(record.peak_memory_mib, rel=0.1)
    kept = sum(file.stat().st_size for file in (study.folder / "cells" / cell.id).iterdir())
    assert cost.kept_bytes == pytest.approx(kept, rel=0.05)


def test_the_whole_training_is_counted_and_not_that_of_the_probe(asked, probed):
    # 22 of 36 samples train: 2 batches of 8, or 5 of 4
    question = asked(
        train={
            "batch_size": 8,
            "stages": [{"epochs": 7}, {"steps": 5, "batch_size": 4}, {"budget": {"samples": 100}}],
        }
    )
    first, second, third = probed(question).cost.stages
    assert (first.steps, first.steps_per_epoch) == (14, 2)
    assert (second.steps, second.steps_per_epoch) == (5, 5)
    assert (third.steps, third.steps_per_epoch) == (math.ceil(100 / 8), 2)
    assert first.step_s > 0
    assert first.validation_s > 0
    assert first.budget_s is None


@pytest.mark.parametrize(("epochs", "curve"), [(1, 1), (2, 2)])
def test_a_probe_holds_the_weights_of_a_best_epoch_if_the_cell_does(asked, probed, epochs, curve):
    # A copy of the weights is made after an epoch that others follow.
    question = asked(train={"epochs": epochs, "batch_size": 1})
    assert len(probed(question).result.record.training.curve) == curve


def test_a_budget_of_seconds_ends_no_probe_and_is_the_time(asked, probed):
    question = asked(train={"budget": {"seconds": 1000}, "batch_size": 8})
    found = probed(question)
    (stage,) = found.cost.stages
    assert (stage.steps, stage.budget_s) == (None, 1000)
    assert found.seconds < 100
    assert stage.seconds > 1000


def test_a_budget_of_operations_is_divided_by_those_of_a_step(asked, probed, tiny_network):
    # Forward and both gradients, but none for the images: of two convolutions of 5 x 5 pixels.
    first, second = (2 * 25 * 32 * 32 * 8 * channels * 8 for channels in (6, 2))
    of_a_step = 2 * first + 3 * second
    question = asked(train={"budget": {"flops": 10.5 * of_a_step}, "batch_size": 8})
    (stage,) = probed(question).cost.stages
    assert stage.steps == 11


def test_a_teacher_is_counted_apart(asked, probed, tiny_network):
    question = asked(
        architectures=[{"name": tiny_network}],
        train={
            "epochs": 1,
            "batch_size": 8,
            "teacher": {"architecture": {"name": tiny_network}, "epochs": 9, "batch_size": 4},
        },
    )
    cost = probed(question).cost
    assert [stage.steps for stage in cost.teacher] == [9 * 5]
    assert [stage.steps for stage in cost.stages] == [2]


def test_micro_batches_are_part_of_a_step(asked, probed):
    def executions(**train):
        found = probed(asked(train={"epochs": 3, "batch_size": 8, **train}))
        return found.result.record.training.executions

    assert [one.accumulation_steps for one in executions(accumulate=4)] == [4]


def test_a_trial_is_probed_as_a_cell_with_the_largest_batches_that_are_tried(asked):
    question = asked(
        losses=["bce"],
        train={"epochs": 4},
        tune={"trials": 2, "batch_size": [2, 8, 4], "learning_rate": "log(1e-4, 1e-2)"},
    )
    trial, _ = question.trials()
    cell = to_probe(trial)
    assert (cell.trial, cell.train.batch_size) == (None, 8)
    assert row_of(cell) == row_of(trial)
    untuned = next(iter(asked().cells()))
    assert to_probe(untuned) == untuned


def test_ctrl_c_ends_it_and_leaves_nothing(asked, tmp_path, tiny_network, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    server, began = start_server(), time.monotonic()
    question = asked(architectures=[{"name": tiny_network, "hangs": True}], losses=["bce"])

    def interrupt(done, total):
        if done == total - 1:
            signal.setitimer(signal.ITIMER_REAL, 0.3)

    monkeypatch.setattr("bench.machine.stop.WISHES", [signal.SIGINT, signal.SIGALRM])
    study = Study(tmp_path / "study")
    with pytest.raises(KeyboardInterrupt):
        estimate(
            question,
            look_ahead(question, study),
            study,
            device=CPU,
            server=server,
            on_progress=interrupt,
        )
    assert time.monotonic() - began < 100  # it hangs for 600
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not study.folder.exists()


def test_a_mistake_in_the_data_is_one_line(asked, tmp_path):
    question = asked(data={"archive": str(tmp_path / "none.zip"), "image_size": 32})
    with pytest.raises(InputError, match=r"none\.zip"):
        estimated(question, Study(tmp_path / "study"))
