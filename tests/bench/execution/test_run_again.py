"""What is run or computed again when data, code, weights or metrics are not what they were."""

import canonical_archive
import pytest
import safetensors.torch
import tiny_network
from watched_run import CPU, Watch, figures, missing

import architectures
from bench.errors import InputError
from bench.execution.run import look_ahead, run
from bench.report.leaderboard import leaderboards
from bench.study.study import Study

pytestmark = pytest.mark.usefixtures("timed")


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
    network = architectures.create(f"{tiny_network.__file__}:tiny_network", seed=seed, channels=4)
    safetensors.torch.save_model(network, path)


def test_other_weights_of_a_teacher_behind_the_same_path_are_seen(tmp_path, asked):
    path = tmp_path / "teacher.safetensors"
    teacher_weights(path, seed=0)
    teacher = {
        "architecture": {"name": f"{tiny_network.__file__}:tiny_network", "channels": 4},
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
