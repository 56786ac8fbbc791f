import json
from datetime import UTC, datetime

import canonical_archive
import pandas as pd
import pytest
import torch
import yaml

from bench.errors import InputError
from bench.evaluation import metrics
from bench.execution.run import all_cells, forget_failed, missing_cells, run
from bench.execution.trackers.terminal import PlainProgress
from bench.machine import environment
from bench.settings import grid
from bench.study.measurement import Measurement
from bench.study.study import Study

CPU = torch.device("cpu")


class Watch(PlainProgress):
    """A progress that remembers the cells it was told of, and may interrupt like Ctrl-C."""

    def __init__(self, stop_before=None):
        self.started = []
        self.stop_before = stop_before

    def on_cell(self, cell, number, total):
        if number == self.stop_before:
            raise KeyboardInterrupt
        self.started.append(cell.label)

    def on_decoded(self, done, total):
        pass

    def on_remark(self, text):
        pass

    def on_record(self, record):
        pass


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
        return grid.load(path)

    return asked


@pytest.fixture(autouse=True)
def timed(monkeypatch):
    """The cases that were timed and beside what, without timing them; wider ones fail."""
    timed = []

    def measure(cases, reference, plan, device, *, on_result, on_turn):
        for case in cases:
            timed.append((case, reference))
            on_result(
                Measurement(
                    case=case,
                    environment=environment.describe(device),
                    measured_utc=datetime.now(UTC),
                    failure="out of memory" if "channels" in case.label else None,
                )
            )

    monkeypatch.setattr("bench.execution.run.rounds.measure", measure)
    return timed


def figures(study, question):
    """Every number that must not depend on when or how often a cell is run."""
    found = {}
    for cell in all_cells(question):
        record = study.read(cell.id)
        losses = [epoch.losses for epoch in record.curve]
        found[cell.id] = (record.summary, losses, study.read_scores(cell.id).to_csv())
    return found


def test_two_runs_from_scratch_agree_to_the_last_digit(tmp_path, asked):
    question = asked()
    found = []
    for name in "ab":
        torch.manual_seed(ord(name))
        study = Study(tmp_path / name)
        run(question, study, device=CPU, progress=Watch())
        found.append(figures(study, question))
    assert found[0] == found[1]
    assert len(found[0]) == 6


def test_the_order_and_the_neighbours_of_a_cell_do_not_matter(tmp_path, asked):
    forward, backward = asked(), asked(losses=["mse", "l1", "bce"])
    for name, question in (("a", forward), ("b", backward)):
        run(question, Study(tmp_path / name), device=CPU, progress=Watch())
    here = figures(Study(tmp_path / "a"), forward)
    there = figures(Study(tmp_path / "b"), backward)
    assert here.items() <= there.items()


def test_a_stopped_run_goes_on_where_it_was(tmp_path, asked):
    question, study = asked(), Study(tmp_path / "study")
    with pytest.raises(KeyboardInterrupt):
        run(question, study, device=CPU, progress=Watch(stop_before=6))
    assert len(missing_cells(question, study)) == 1
    watch = Watch()
    run(question, study, device=CPU, progress=watch)
    assert len(watch.started) == 1
    assert missing_cells(question, study) == []
    whole = Study(tmp_path / "whole")
    run(question, whole, device=CPU, progress=Watch())
    assert figures(study, question) == figures(whole, question)


def test_a_finished_grid_trains_nothing_and_a_larger_one_only_what_is_new(tmp_path, asked):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU, progress=Watch())
    again, more = Watch(), Watch()
    run(asked(), study, device=CPU, progress=again)
    run(asked(losses=["bce", "l1", "mse"]), study, device=CPU, progress=more)
    assert again.started == []
    assert len(more.started) == 1
    assert "mse" in more.started[0]


def test_the_record_agrees_with_the_scores_of_every_test_image(tmp_path, asked):
    question, study = asked(), Study(tmp_path / "study")
    run(question, study, device=CPU, progress=Watch())
    keys = set()
    for cell in all_cells(question):
        record, scores = study.read(cell.id), study.read_scores(cell.id)
        assert metrics.summarise(scores) == record.summary
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
    run(question, study, device=CPU, progress=Watch())
    records = [study.read(cell.id) for cell in question.cells()]
    assert records[0].failure == "the mask loss became nan at step 1"
    assert records[1].failure == "out of memory: tried to allocate 20.00 GiB"
    assert "cannot be built" in records[2].failure
    assert records[3].failure is None
    assert all(record.summary is None for record in records[:3])
    assert records[3].summary is not None


def test_failed_cells_stay_until_they_are_forgotten(tmp_path, asked, tiny_network):
    question = asked(architectures=[tiny_network, {"name": tiny_network, "learns_nan": True}])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU, progress=Watch())
    assert missing_cells(question, study) == []
    forget_failed(question, study)
    assert [cell.architecture.options for cell in missing_cells(question, study)] == [
        {"learns_nan": True},
        {"learns_nan": True},
    ]


def test_a_study_of_a_changed_archive_is_not_filled_up(tmp_path, asked):
    path = canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries(samples=20))
    data = {"archive": str(path), "image_size": 32}
    study = Study(tmp_path / "study")
    run(asked(data=data), study, device=CPU, progress=Watch())
    canonical_archive.write(path, canonical_archive.entries(samples=20, seed=1))
    with pytest.raises(InputError, match=r"holds results from other contents of .*a\.zip"):
        run(asked(data=data, losses=["mse"]), study, device=CPU, progress=Watch())
    assert study.read_grid().losses[0].mask == "bce"


def test_the_record_says_where_and_with_what_it_was_made(tmp_path, asked):
    question, study = asked(losses=["bce"]), Study(tmp_path / "study")
    run(question, study, device=CPU, progress=Watch())
    (cell,) = question.cells()
    record = json.loads((study.folder / "cells" / cell.id / "record.json").read_text())
    assert record["environment"]["packages"]["torch"] == torch.__version__
    assert record["environment"]["device"] == "cpu"
    assert record["environment"]["threads"] == torch.get_num_threads()
    assert record["samples"] == {"train": 22, "val": 3, "test": 11, "left_out": 0}
    assert "throughput" not in record
    assert record["peak_memory_mib"] is None or record["peak_memory_mib"] > 0
    assert pd.Timestamp(record["finished_utc"]) >= pd.Timestamp(record["started_utc"])


def test_each_network_that_trains_is_timed_once_with_the_first_loss_it_trains_with(
    tmp_path, asked, tiny_network, timed
):
    question = asked(
        architectures=[
            {"name": tiny_network, "learns_nan": True},
            tiny_network,
            {"name": tiny_network, "channels": 9},
        ],
        seeds=[0, 1],
        train={"stages": [{"epochs": 1}, {"epochs": 1, "batch_size": 7}], "precision": "float32"},
    )
    study = Study(tmp_path / "study")
    run(question, study, device=CPU, progress=Watch())
    assert [case.architecture for case, _ in timed] == list(question.architectures[1:])
    first, reference = timed[0]
    assert first == reference
    assert first.loss == question.losses[0]
    assert first.recipe.batch_size == 7
    assert (first.image_size, first.precision) == ((32, 32), "float32")
    assert set(study.read_throughput()) == {case.id for case, _ in timed}


def test_only_what_is_missing_is_timed_beside_the_same_reference(
    tmp_path, asked, tiny_network, timed
):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU, progress=Watch())
    run(asked(), study, device=CPU, progress=Watch())
    assert len(timed) == 1
    wide = {"name": tiny_network, "channels": 9}
    run(asked(architectures=[tiny_network, wide]), study, device=CPU, progress=Watch())
    assert len(timed) == 2
    assert timed[1][0].architecture.options == {"channels": 9}
    assert timed[1][1] == timed[0][0]


def test_a_failed_measurement_is_made_again_when_it_is_forgotten(
    tmp_path, asked, tiny_network, timed
):
    question = asked(architectures=[tiny_network, {"name": tiny_network, "channels": 9}])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU, progress=Watch())
    forget_failed(question, study)
    timed.clear()
    run(question, study, device=CPU, progress=Watch())
    assert [case.architecture.options for case, _ in timed] == [{"channels": 9}]


def results(study, question):
    return {
        cell.id: study.read(cell.id).model_dump(
            include={"summary": True, "terms": True, "failure": True, "samples": True}
        )
        for cell in all_cells(question)
    }


def test_cells_side_by_side_give_what_they_give_one_by_one(asked, tmp_path, tiny_network):
    crashing = {"name": tiny_network, "crashes": True}
    question = asked(architectures=[tiny_network, crashing], seeds=[0, 1])
    alone, together = Study(tmp_path / "alone"), Study(tmp_path / "together")
    run(question, alone, device=CPU, progress=Watch())
    watch = Watch()
    run(question, together, device=CPU, progress=watch, per_device=2)
    assert results(together, question) == results(alone, question)
    assert sorted(watch.started) == sorted(cell.label for cell in all_cells(question))
    assert missing_cells(question, together) == []


def test_a_process_that_dies_fails_its_cell_alone(asked, tmp_path, tiny_network):
    question = asked(architectures=[tiny_network, {"name": tiny_network, "dies": True}])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU, progress=Watch(), per_device=2)
    failures = {
        cell.label: study.read(cell.id).failure for cell in all_cells(question) if cell.loss
    }
    assert sorted(map(bool, failures.values())) == [False, False, True, True]
    assert "its process ended by itself with exit code 9" in failures.values()


def test_on_a_cpu_auto_runs_one_cell_at_a_time(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "bench.execution.run.map_unordered", lambda jobs, *_: iter([] if not jobs else None)
    )
    question, study = asked(), Study(tmp_path / "study")
    run(question, study, device=CPU, progress=Watch(), per_device=None)
    assert missing_cells(question, study) == []


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
        run(question, Study(tmp_path / "study"), device=CPU, progress=Watch())


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
    run(question, study, device=CPU, progress=Watch())
    labels = [cell.architecture.name for cell in all_cells(question)]
    assert labels == ["empty mask", "unet"]
    summary = study.read(all_cells(question)[1].id).summary
    assert summary.iou is not None
    assert summary.rmse is None
