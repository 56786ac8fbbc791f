"""A grid becomes a study: cell by cell, resumed, failing, in processes."""

import json
import re

import canonical_archive
import pandas as pd
import pytest
import torch
from watched_run import CPU, Watch, figures, missing, outcomes

from bench.errors import InputError
from bench.evaluation.metric import summarise
from bench.events import CellStarted
from bench.execution.context import load_metrics
from bench.execution.launchers import start_server
from bench.execution.run import look_ahead, run
from bench.report.leaderboard import leaderboards
from bench.settings import Split
from bench.study.record import FailureKind
from bench.study.study import Study

pytestmark = pytest.mark.usefixtures("timed")


def test_two_runs_from_scratch_agree_to_the_last_digit(tmp_path, asked):
    question = asked()
    found = []
    for name in "ab":
        torch.manual_seed(ord(name))
        study = Study(tmp_path / name)
        run(question, study, device=CPU)
        found.append(figures(study))
    assert found[0] == found[1]
    assert len(found[0]) == 7


def test_the_order_and_the_neighbours_of_a_cell_do_not_matter(tmp_path, asked):
    forward, backward = asked(), asked(losses=["mse", "l1", "bce"])
    for name, question in (("a", forward), ("b", backward)):
        run(question, Study(tmp_path / name), device=CPU)
    here = figures(Study(tmp_path / "a"))
    there = figures(Study(tmp_path / "b"))
    assert here.items() <= there.items()


def test_a_stopped_run_goes_on_where_it_was(tmp_path, asked):
    question, study = asked(), Study(tmp_path / "study")
    with pytest.raises(KeyboardInterrupt):
        run(question, study, device=CPU, listen=Watch(stop_before=7))
    assert len(missing(question, study)) == 1
    watch = Watch()
    run(question, study, device=CPU, listen=watch)
    assert len(watch.started) == 1
    assert missing(question, study) == []
    whole = Study(tmp_path / "whole")
    run(question, whole, device=CPU)
    assert figures(study) == figures(whole)


def test_a_finished_grid_trains_nothing_and_a_larger_one_only_what_is_new(tmp_path, asked):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU)
    again, more = Watch(), Watch()
    run(asked(), study, device=CPU, listen=again)
    run(asked(losses=["bce", "l1", "mse"]), study, device=CPU, listen=more)
    assert again.started == []
    assert len(more.started) == 1
    assert "mse" in more.started[0]


def test_the_record_agrees_with_the_scores_of_every_test_image(tmp_path, asked):
    question, study = asked(), Study(tmp_path / "study")
    run(question, study, device=CPU)
    keys = set()
    results = study.load()
    for cell_id, record in results.records.items():
        scores = results.scores(cell_id)
        assert summarise(scores, load_metrics(question)) == record.summary
        assert len(scores) == record.samples.test == 11
        keys.add(tuple(scores["key"]))
    assert len(keys) == 1


def test_a_failing_cell_is_recorded_and_the_rest_goes_on(tmp_path, asked, tiny_network):
    question = asked(
        architectures=[
            {"name": tiny_network, "learns_nan": True},
            {"name": tiny_network, "crashes": True},
            {"name": tiny_network, "channels": -1},
            tiny_network,
        ],
        losses=["bce"],
    )
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    kept = study.load().records
    records = [kept[cell.id] for cell in question.cells() if cell.loss is not None]
    assert records[0].failure == "the mask loss became nan at step 1"
    assert re.fullmatch(
        r"out of memory: tried to allocate 20.00 GiB \(tiny_network.py:\d+\)", records[1].failure
    )
    assert "in forward" in records[1].failure_details
    assert "cannot be built" in records[2].failure
    assert records[3].failure is None
    assert all(record.summary is None for record in records[:3])
    assert records[3].summary is not None


def test_failed_cells_are_run_again_only_when_it_is_asked_for(tmp_path, asked, tiny_network):
    question = asked(architectures=[tiny_network, {"name": tiny_network, "learns_nan": True}])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    assert missing(question, study) == []
    again, retried = Watch(), Watch()
    run(question, study, device=CPU, listen=again)
    run(question, study, device=CPU, listen=retried, retry=FailureKind)
    assert again.started == []
    assert len(retried.started) == 2
    assert all("learns_nan" in label for label in retried.started)


def test_the_record_says_where_and_with_what_it_was_made(tmp_path, asked):
    question, study = asked(losses=["bce"]), Study(tmp_path / "study")
    run(question, study, device=CPU)
    cell = list(question.cells())[-1]
    record = json.loads((study.folder / "cells" / cell.id / "record.json").read_text())
    assert record["environment"]["packages"]["torch"] == torch.__version__
    assert record["environment"]["device"] == "cpu"
    assert record["environment"]["threads"] == torch.get_num_threads()
    assert record["samples"] == {"train": 22, "val": 3, "test": 11, "left_out": 0}
    assert "throughput" not in record
    assert record["peak_memory_mib"] is None or record["peak_memory_mib"] > 0
    assert pd.Timestamp(record["finished_utc"]) >= pd.Timestamp(record["started_utc"])


@pytest.fixture
def server():
    server = start_server()
    yield server
    server.end()


def test_cells_in_processes_side_by_side_give_what_they_give_one_by_one_in_this_one(
    asked, tmp_path, tiny_network, server
):
    crashing = {"name": tiny_network, "crashes": True}
    question = asked(architectures=[tiny_network, crashing, {"name": "unet", "width": 0.0625}])
    alone, together = Study(tmp_path / "alone"), Study(tmp_path / "together")
    run(question, alone, device=CPU, threads=2)
    watch = Watch()
    run(question, together, device=CPU, threads=2, listen=watch, server=server, per_device=2)
    assert outcomes(together) == outcomes(alone)
    # What ran out of memory beside others had its second try alone.
    assert set(watch.started) == {cell.label for cell in question.cells()}
    assert len([label for label in watch.started if "crashes" in label]) == 4
    assert missing(question, together) == []
    assert {r.environment.threads for r in together.load().records.values()} == {2}


def test_a_process_that_dies_fails_its_cell_alone(asked, tmp_path, tiny_network, server):
    question = asked(architectures=[{"name": tiny_network, "dies": True}, tiny_network])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU, server=server)
    found = [r.failure for r in study.load().records.values() if r.cell.loss is not None]
    assert sorted(map(bool, found)) == [False, False, True, True]
    assert "its process ended by itself with exit code 9" in found


def test_a_cell_that_takes_too_long_fails_and_says_where_it_was(
    asked, tmp_path, tiny_network, server
):
    question = asked(
        architectures=[{"name": tiny_network, "hangs": True}, tiny_network],
        losses=["bce"],
        limits={"seconds": 2},
    )
    study = Study(tmp_path / "study")
    run(question, study, device=CPU, server=server)
    kept = study.load().records
    hung, sound = (kept[cell.id] for cell in question.cells() if cell.loss is not None)
    assert hung.failure == "stopped after 2 s (limits.seconds)"
    assert "tiny_network.py" in hung.failure_details
    assert sound.failure is None


def test_a_grid_computes_with_one_number_of_threads_whenever_it_goes_on(tmp_path, asked):
    study = Study(tmp_path / "study")
    run(asked(losses=["bce"]), study, device=CPU, threads=2)
    before = torch.get_num_threads()
    run(asked(), study, device=CPU)
    assert {r.environment.threads for r in study.load().records.values()} == {2}
    assert torch.get_num_threads() == before
    for other in (asked(), asked(losses=["mse"])):  # of the same grid, and of another one
        with pytest.raises(InputError, match="were trained with 2"):
            run(other, study, device=CPU, threads=1)


@pytest.mark.parametrize(
    ("data", "losses", "message"),
    [
        ("no depth", ["bce"], "has no depths, which the grid needs; train the mask alone"),
        ("no mask", ["bce"], "has no masks, which the grid needs; train depth alone"),
        (
            "no background",
            [{"mask": "bce"}],
            "has no backgrounds, which the grid needs; give every",
        ),
    ],
)
def test_what_an_archive_lacks_and_a_grid_needs_is_said(asked, tmp_path, data, losses, message):
    kind = data.removeprefix("no ")
    entries = canonical_archive.entries(samples=20)
    kept = {name: content for name, content in entries.items() if not name.startswith(kind)}
    archive = canonical_archive.write(tmp_path / "a.zip", kept)
    question = asked(losses=losses, data={"archive": str(archive), "image_size": 32})
    with pytest.raises(InputError, match=message):
        run(question, Study(tmp_path / "study"), device=CPU)


def test_what_an_archive_lacks_and_a_grid_does_not_need_is_allowed(asked, tmp_path):
    entries = canonical_archive.entries(samples=20)
    kept = {
        name: content
        for name, content in entries.items()
        if not name.startswith(("depth/", "background/"))
    }
    archive = canonical_archive.write(tmp_path / "a.zip", kept)
    question = asked(
        architectures=[{"name": "unet", "width": 0.0625, "inputs": "composite"}],
        losses=[{"mask": "bce"}],
        data={"archive": str(archive), "image_size": 32},
    )
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    cells = list(question.cells())
    assert [cell.architecture.name for cell in cells] == ["empty mask", "full mask", "unet"]
    summary = study.load().records[cells[1].id].summary
    assert "iou" in summary
    assert "rmse" not in summary


def test_only_tasks_with_a_loss_are_scored_and_shown(tmp_path, asked):
    study = Study(tmp_path / "study")
    run(asked(losses=[{"mask": "bce"}]), study, device=CPU)
    records = [r for r in study.load().records.values() if r.cell.loss is not None]
    assert all("rmse" not in record.summary for record in records)
    assert all("rmse" not in epoch.val for r in records for epoch in r.training.curve)
    (board,) = leaderboards(study.load())
    assert [row.figures.get("rmse") for row in board.rows] == [None]


def test_a_study_that_cannot_be_written_is_one_line(tmp_path, asked):
    (tmp_path / "study").write_text("a file")
    with pytest.raises(InputError, match="study: cannot be written to: Not a directory"):
        run(asked(), Study(tmp_path / "study"), device=CPU)


HUNGRY = """
import torch
from networks import *


def hungry(channels=8):
    network = tiny_network(channels=channels)
    network.register_forward_pre_hook(refuse)
    return network


def refuse(_, images):
    if {hungry} and len(images[0]) > 4:
        raise torch.OutOfMemoryError("tried to allocate 20.00 GiB")
"""


def plans(study):
    return {
        record.cell.loss.label: record.training.executions[0].accumulation_steps
        for record in study.load().records.values()
        if record.training is not None
    }


def test_how_a_network_fits_into_memory_is_taken_over_from_its_cells_that_hold(
    tmp_path, asked, users_network
):
    path = users_network / "hungry.py"
    path.write_text(HUNGRY.format(hungry=True))
    network, study = f"{path}:hungry", Study(tmp_path / "study")
    run(asked(architectures=[network]), study, device=CPU, throughput=False)
    assert set(plans(study).values()) == {2}
    path.write_text(HUNGRY.format(hungry=False))
    # The cells of the other loss are not of this grid, and are of other code.
    run(asked(architectures=[network], losses=["bce"]), study, device=CPU, throughput=False)
    assert sorted(plans(study).values()) == [1, 2]


def test_a_network_that_fits_is_not_trained_as_one_that_does_not(tmp_path, asked, users_network):
    path = users_network / "hungry.py"
    path.write_text(HUNGRY.format(hungry=True))
    wide = {"name": f"{users_network}/mine.py:tiny_network", "channels": 9}
    study = Study(tmp_path / "study")
    question = asked(architectures=[f"{path}:hungry", wide], losses=["bce"])
    run(question, study, device=CPU, throughput=False)
    records = study.load().records
    cells = [cell for cell in question.cells() if cell.loss is not None]
    steps = [records[cell.id].training.executions[0].accumulation_steps for cell in cells]
    assert steps == [2, 1]


def test_that_one_background_tests_is_told_before_anything_is_trained(tmp_path, asked):
    data = asked().data.model_copy(update={"split": Split(by="background")})
    question, study = asked().model_copy(update={"data": data}), Study(tmp_path / "study")
    dry, before_the_first_cell = [], []

    def listen(event):
        if isinstance(event, CellStarted):
            raise KeyboardInterrupt
        before_the_first_cell.append(event)

    look_ahead(question, study, listen=dry.append)
    with pytest.raises(KeyboardInterrupt):
        run(question, study, device=CPU, listen=listen)
    for told in (dry, before_the_first_cell):
        assert any("all test images are of 1 of 3 backgrounds" in str(event) for event in told)
