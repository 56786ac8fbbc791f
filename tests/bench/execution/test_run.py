import json
import re
from datetime import UTC, datetime
from pathlib import Path

import canonical_archive
import pandas as pd
import pytest
import safetensors.torch
import tiny_network
import torch
import yaml

import architectures
from bench.errors import InputError
from bench.evaluation.metric import summarise
from bench.events import CellStarted, TimingDone
from bench.execution.context import load_metrics
from bench.execution.launchers import start_server
from bench.execution.run import has_to_run, look_ahead, run
from bench.machine import environment
from bench.report.leaderboard import leaderboards
from bench.settings import grid_file
from bench.study.measurement import Measurement
from bench.study.study import Study
from bench.study.timing import Block, Round, Timing

CPU = torch.device("cpu")


class Watch:
    """A listener that remembers the cells it was told of, and may interrupt like Ctrl-C."""

    def __init__(self, stop_before=None):
        self.started = []
        self.stop_before = stop_before

    def __call__(self, event):
        if isinstance(event, CellStarted):
            if event.number == self.stop_before:
                raise KeyboardInterrupt
            self.started.append(event.cell.label)


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


@pytest.fixture(autouse=True)
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

    monkeypatch.setattr("bench.execution.run.rounds.measure", measure)
    return timed


def figures(study):
    """Every number that must not depend on when or how often a cell is run."""
    results = study.load()
    return {
        cell_id: (
            record.summary,
            [epoch.losses for epoch in record.training.curve] if record.training else None,
            results.scores(cell_id).to_csv(),
        )
        for cell_id, record in results.records.items()
    }


def missing(question, study):
    """The cells that a run would do something about."""
    planned = look_ahead(question, study)
    return [p.cell for p in planned if has_to_run(p, retry_failed=False, keep_stale=False)]


def test_two_runs_from_scratch_agree_to_the_last_digit(tmp_path, asked):
    question = asked()
    found = []
    for name in "ab":
        torch.manual_seed(ord(name))
        study = Study(tmp_path / name)
        run(question, study, device=CPU)
        found.append(figures(study))
    assert found[0] == found[1]
    assert len(found[0]) == 6


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
        run(question, study, device=CPU, listen=Watch(stop_before=6))
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
    run(question, study, device=CPU, listen=retried, retry_failed=True)
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


def test_each_network_that_trains_is_timed_once_with_each_loss_it_trains_with(
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
    run(question, study, device=CPU)
    assert [case.architecture for case, _ in timed] == list(question.architectures[1:])
    first, reference = timed[0]
    assert first == reference
    assert [training.loss for training in first.trainings] == list(question.losses)
    assert first.recipe.batch_size == 7
    assert (first.image_size, first.precision) == ((32, 32), "float32")
    measured = study.load().measurements.values()
    assert {m.case.id for m in measured} == {case.id for case, _ in timed}


def test_only_what_is_missing_is_timed_beside_the_same_reference(
    tmp_path, asked, tiny_network, timed
):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU)
    run(asked(), study, device=CPU)
    assert len(timed) == 1
    wide = {"name": tiny_network, "channels": 9}
    run(asked(architectures=[tiny_network, wide]), study, device=CPU)
    assert len(timed) == 2
    assert timed[1][0].architecture.options == {"channels": 9}
    assert timed[1][1] == timed[0][0]


def test_on_another_machine_it_is_timed_again_and_both_are_kept(
    tmp_path, asked, timed, monkeypatch
):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU)
    here = environment.describe(CPU)
    elsewhere = here.model_copy(update={"device_name": "another processor"})
    monkeypatch.setattr(environment, "describe", lambda _: elsewhere)
    run(asked(), study, device=CPU)
    assert len(timed) == 2
    machines = {m.environment.device_name for m in study.load().measurements.values()}
    assert machines == {here.device_name, "another processor"}


def test_a_failed_measurement_is_made_again_when_it_is_asked_for(
    tmp_path, asked, tiny_network, timed
):
    question = asked(architectures=[tiny_network, {"name": tiny_network, "channels": 9}])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    timed.clear()
    run(question, study, device=CPU)
    assert timed == []
    run(question, study, device=CPU, retry_failed=True)
    assert [case.architecture.options for case, _ in timed] == [{"channels": 9}]


def outcomes(study):
    return {
        cell_id: (r.summary, r.training and r.training.terms, r.failure, r.samples)
        for cell_id, r in study.load().records.items()
    }


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
    assert [cell.architecture.name for cell in cells] == ["empty mask", "unet"]
    summary = study.load().records[cells[1].id].summary
    assert "iou" in summary
    assert "rmse" not in summary


def archive_of(folder, **settings):
    folder.mkdir(exist_ok=True)
    entries = canonical_archive.entries(samples=20, **settings)
    return str(canonical_archive.write(folder / "a.zip", entries))


def test_an_archive_that_was_moved_leaves_nothing_to_run(tmp_path, asked, monkeypatch):
    study = Study(tmp_path / "study")
    first = archive_of(tmp_path / "here")
    run(asked(data={"archive": first, "image_size": 32}), study, device=CPU)
    (tmp_path / "here").rename(tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    for moved in ("there/a.zip", "./there/../there/a.zip", str(tmp_path / "there/a.zip")):
        watch = Watch()
        question = asked(data={"archive": moved, "image_size": 32})
        assert missing(question, study) == []
        run(question, study, device=CPU, listen=watch)
        assert watch.started == []


def test_a_changed_archive_makes_every_cell_stale_and_runs_it_again(tmp_path, asked):
    study = Study(tmp_path / "study")
    data = {"archive": archive_of(tmp_path / "here"), "image_size": 32}
    run(asked(data=data), study, device=CPU)
    before = figures(study)
    archive_of(tmp_path / "here", seed=1)
    planned = look_ahead(asked(data=data), study)
    assert {(p.state, p.why) for p in planned} == {("stale", "the data changed")}
    run(asked(data=data), study, device=CPU)
    assert missing(asked(data=data), study) == []
    after = figures(study)
    trained = [cell.id for cell in asked(data=data).cells() if cell.loss is not None]
    assert all(after[cell_id] != before[cell_id] for cell_id in trained)


def test_stale_cells_are_kept_when_it_is_asked_for_and_marked(tmp_path, asked):
    study = Study(tmp_path / "study")
    data = {"archive": archive_of(tmp_path / "here"), "image_size": 32}
    run(asked(data=data), study, device=CPU)
    before = figures(study)
    archive_of(tmp_path / "here", seed=1)
    watch = Watch()
    run(asked(data=data), study, device=CPU, listen=watch, keep_stale=True)
    assert watch.started == []
    assert figures(study) == before
    (board,) = leaderboards(study.load())
    assert all(row.is_stale for row in board.rows)


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


def test_a_users_network_with_a_neighbour_trains_and_a_changed_neighbour_is_seen(
    tmp_path, asked, users_network
):
    question = asked(architectures=[f"{users_network}/mine.py:tiny_network"], losses=["bce"])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    assert missing(question, study) == []
    helper = users_network / "networks.py"
    helper.write_text(helper.read_text() + "# changed\n")
    (stale,) = [p for p in look_ahead(question, study) if p.state == "stale"]
    assert stale.why == "networks.py changed"


def teacher_weights(path, seed):
    network = architectures.create(f"{TINY}:tiny_network", seed=seed, channels=4)
    safetensors.torch.save_model(network, path)


def test_other_weights_of_a_teacher_behind_the_same_path_are_seen(tmp_path, asked):
    path = tmp_path / "teacher.safetensors"
    teacher_weights(path, seed=0)
    teacher = {
        "architecture": {"name": f"{TINY}:tiny_network", "channels": 4},
        "weights": str(path),
    }
    question = asked(train={"epochs": 1, "batch_size": 8, "teacher": teacher}, losses=["bce"])
    study, fresh = Study(tmp_path / "study"), Study(tmp_path / "fresh")
    run(question, study, device=CPU)
    before = figures(study)
    assert missing(question, study) == []
    teacher_weights(path, seed=1)
    (cell,) = missing(question, study)
    run(question, study, device=CPU)
    run(question, fresh, device=CPU)
    assert figures(study) == figures(fresh)
    assert figures(study)[cell.id] != before[cell.id]


METRIC = """
from bench.evaluation.metric import metric

@metric(label="hits", task="mask", reads=("tp",), higher_is_better=True, decimals=1)
def hits(sums):
    return sums["tp"] {change}
"""


def test_a_metric_that_comes_later_is_computed_without_training(tmp_path, asked):
    path = tmp_path / "mine.py"
    path.write_text(METRIC.format(change="* 1"))
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU)
    watch = Watch()
    run(asked(metrics=["iou", f"{path}:hits"]), study, device=CPU, listen=watch)
    assert watch.started == []
    results = study.load()
    trained = [r for r in results.records.values() if r.cell.loss is not None]
    assert [r.summary["mine.py:hits"] for r in trained] == [
        results.scores(r.cell.id)["tp"].mean() for r in trained
    ]
    hits = results.scores(trained[0].cell.id, "values")["mine.py:hits"]
    assert hits.tolist() == results.scores(trained[0].cell.id)["tp"].tolist()
    (board,) = leaderboards(results)
    assert [column.name for column in board.columns[:2]] == ["IoU", "hits"]


def test_a_damaged_cell_is_run_again(tmp_path, asked):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU)
    before = figures(study)
    cell = list(asked().cells())[-1]
    (study.folder / "cells" / cell.id / "record.json").write_text("{}")
    watch = Watch()
    run(asked(), study, device=CPU, listen=watch)
    assert watch.started == [cell.label]
    assert figures(study) == before


def test_only_tasks_with_a_loss_are_scored_and_shown(tmp_path, asked):
    study = Study(tmp_path / "study")
    run(asked(losses=[{"mask": "bce"}]), study, device=CPU)
    records = [r for r in study.load().records.values() if r.cell.loss is not None]
    assert all("rmse" not in record.summary for record in records)
    assert all("rmse" not in epoch.val for r in records for epoch in r.training.curve)
    (board,) = leaderboards(study.load())
    assert [row.figures.get("rmse") for row in board.rows] == [None]


FRAGILE = """
from bench.evaluation.metric import metric

@metric(label="hits", task="mask", reads=("tp",), higher_is_better=True, decimals=1)
def hits(sums):
    if len(sums) > 2:
        raise ZeroDivisionError("on real sums")
    return sums["tp"]
"""


def test_a_metric_that_fails_costs_its_own_figure_and_no_training(tmp_path, asked):
    path = tmp_path / "mine.py"
    path.write_text(FRAGILE)
    study = Study(tmp_path / "study")
    question = asked(metrics=["iou", f"{path}:hits"], losses=["bce"])
    run(question, study, device=CPU)
    record = study.load().records[list(question.cells())[-1].id]
    assert record.failure is None
    assert "iou" in record.summary
    assert record.problems == {
        "mine.py:hits": "metric mine.py:hits: ZeroDivisionError: on real sums"
    }


def test_a_metric_that_fails_on_kept_scores_is_told_and_the_run_goes_on(tmp_path, asked):
    study = Study(tmp_path / "study")
    run(asked(losses=["bce"]), study, device=CPU)
    path = tmp_path / "mine.py"
    path.write_text(FRAGILE)
    watch = Watch()
    run(asked(metrics=["iou", f"{path}:hits"]), study, device=CPU, listen=watch)
    assert len(watch.started) == 1  # the l1 cell
    assert all("iou" in r.summary for r in study.load().records.values() if r.cell.loss)


def test_figures_of_another_grids_metrics_stay(tmp_path, asked):
    study = Study(tmp_path / "study")
    names = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.py"
        path.write_text(METRIC.format(change="* 1"))
        names.append(f"{name}.py:hits")
        question = asked(losses=["bce"], metrics=["iou", f"{path}:hits"])
        run(question, study, device=CPU)
    record = study.load().records[list(question.cells())[-1].id]
    assert set(names) <= set(record.summary)


def test_changed_code_is_timed_again(tmp_path, asked, users_network, timed):
    question = asked(architectures=[f"{users_network}/mine.py:tiny_network"], losses=["bce"])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    (measured,) = study.load().measurements.values()
    assert set(measured.sources["mine.py:tiny_network"]) == {"mine.py", "networks.py"}
    helper = users_network / "networks.py"
    helper.write_text(helper.read_text() + "# changed\n")
    run(question, study, device=CPU)
    assert len(timed) == 2
    run(question, study, device=CPU)
    assert len(timed) == 2


def test_damaged_scores_are_made_again_when_a_metric_needs_them(tmp_path, asked):
    study = Study(tmp_path / "study")
    run(asked(losses=["bce"]), study, device=CPU)
    cell = list(asked(losses=["bce"]).cells())[-1]
    (study.folder / "cells" / cell.id / "scores.parquet").write_bytes(b"PAR1")
    path = tmp_path / "mine.py"
    path.write_text(METRIC.format(change="* 1"))
    watch = Watch()
    run(asked(losses=["bce"], metrics=[f"{path}:hits"]), study, device=CPU, listen=watch)
    assert watch.started == [cell.label]


def test_a_dry_run_refuses_an_unknown_metric(tmp_path, asked):
    with pytest.raises(InputError, match="unknown metric 'iuo'; did you mean 'iou'"):
        look_ahead(asked(metrics=["iuo"]), Study(tmp_path / "study"))


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


def test_withheld_timings_are_made_again_when_it_is_asked_for(tmp_path, asked, timed):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU)
    (measured,) = study.load().measurements.values()
    disturbed = Timing(rounds=(Round(number=1, blocks=(Block(runs_s=(1.0,), waited_share=0.5),)),))
    study.write_measurement(measured.model_copy(update={"timings": {"inference": disturbed}}))
    run(asked(), study, device=CPU)
    assert len(timed) == 1
    run(asked(), study, device=CPU, retry_failed=True)
    assert len(timed) == 2
