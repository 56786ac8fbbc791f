"""A metric that came later is computed for a study's cells without training any of them."""

import shutil
from pathlib import Path

import pytest
import tiny_network
import trained_study
from watched_run import CPU, figures

from bench.errors import InputError
from bench.execution.rescore import SUMS, WEIGHTS, rescore
from bench.execution.verify import verify
from bench.report.leaderboard import leaderboards
from bench.study import checksums
from bench.study.study import Study

METRIC = """
from bench.evaluation.metric import metric

@metric(label="found", task="mask", reads=("tp", "fn"), higher_is_better=True, decimals=3)
def found(sums):
    return sums["tp"] / (sums["tp"] + sums["fn"])
"""
LATER = "delta1"  # it reads a column that the tests take away


@pytest.fixture(scope="module")
def trained(tmp_path_factory, rendered_archive):
    """A study of one network with two losses, and the archive and the code that it is of."""
    folder = tmp_path_factory.mktemp("trained")
    archive = folder / "a.zip"
    shutil.copyfile(rendered_archive, archive)
    network = folder / "net.py"
    network.write_text(Path(tiny_network.__file__).read_text())
    trained_study.train(
        folder / "study", archive, f"{network}:tiny_network", image_size=32, losses=["bce", "l1"]
    )
    return folder


@pytest.fixture
def study(trained, tmp_path):
    shutil.copytree(trained / "study", tmp_path / "study")
    return Study(tmp_path / "study")


@pytest.fixture
def metric(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(METRIC)
    return f"{path}:found"


def trained_records(study):
    return [r for r in study.load().records.values() if r.cell.loss is not None]


def without(study, *columns):
    """Take columns away from the scores of the trained cells, as if an earlier version kept none.

    Their records lose the figures of `LATER`.
    """
    results = study.load()
    for record in trained_records(study):
        tables = {name: results.scores(record.cell.id, name) for name in ("scores", "values")}
        tables["scores"] = tables["scores"].drop(columns=list(columns))
        tables["values"] = tables["values"].drop(columns=LATER)
        summary = {name: value for name, value in record.summary.items() if name != LATER}
        metrics = {name: value for name, value in record.metrics.items() if name != LATER}
        update = {"summary": summary, "metrics": metrics}
        study.write_cell(record.model_copy(update=update), tables, results.weights(record))


def shown(study):
    (board,) = leaderboards(study.load())
    return {
        (row.architecture, row.loss): {key: one.mean for key, one in row.figures.items()}
        for row in (*board.rows, *board.baselines)
    }


def test_a_metric_of_a_users_file_is_computed_from_the_sums_and_shown(study, metric, tmp_path):
    before, board = figures(study), shown(study)
    found = rescore(study, [metric], CPU)
    assert (dict(found.computed), found.refused) == ({SUMS: 5}, [])  # two cells, three baselines
    (tmp_path / "mine.py").unlink()  # a report needs nothing but the study
    after, results = figures(study), study.load()
    assert after.keys() == before.keys()
    for cell_id, (summary, *others) in after.items():
        table = results.scores(cell_id)
        if "tp" in table:  # of a baseline of depth it has no columns of the mask
            by_hand = [tp / (tp + fn) for tp, fn in zip(table["tp"], table["fn"], strict=True)]
            assert summary.pop("mine.py:found") == pytest.approx(sum(by_hand) / len(by_hand))
            values = results.scores(cell_id, "values")["mine.py:found"]
            assert values.tolist() == pytest.approx(by_hand)
        assert (summary, *others) == before[cell_id]
    for row, columns in shown(study).items():
        assert ("mine.py:found" in columns) == (row[0] not in {"mean depth", "pixel mean depth"})
        columns.pop("mine.py:found", None)
        assert columns == board[row]
    assert list(verify(study.load())) == []


def test_several_are_computed_at_once_and_a_second_time_there_is_nothing_to_do(study, metric):
    assert rescore(study, ["dice", metric], CPU).computed == {SUMS: 5}
    assert study.load().grids[0].grid.metrics == ("iou", "rmse", "dice", metric)
    (grid,) = (study.folder / "grids").iterdir()
    before = (grid / "grid.json").stat().st_mtime_ns
    again = rescore(study, [metric, "dice"], CPU)
    assert (dict(again.computed), again.refused) == ({}, [])
    assert (grid / "grid.json").stat().st_mtime_ns == before


def test_an_earlier_grid_does_not_take_the_place_of_a_later_one_that_asks_the_same(study):
    (earlier,) = study.load().grids
    question = earlier.grid.model_copy(update={"metrics": (*earlier.grid.metrics, "dice")})
    study.write_grid(question, earlier.provenance, earlier.metrics)
    later = study.load().grids[0]
    rescore(study, ["dice"], CPU)
    assert [stored.run_utc for stored in study.load().grids] == [later.run_utc, earlier.run_utc]
    rescore(study, ["dice", "delta1"], CPU)  # both would ask the same
    assert [stored.run_utc for stored in study.load().grids] == [later.run_utc, earlier.run_utc]


def test_a_changed_metric_takes_the_place_of_its_earlier_version(study, metric, tmp_path):
    rescore(study, [metric], CPU)
    first = trained_records(study)
    (tmp_path / "mine.py").write_text(METRIC.replace('sums["tp"] /', '2 * sums["tp"] /'))
    assert rescore(study, [metric], CPU).computed == {SUMS: 5}
    results = study.load()
    assert len(results.grids) == 1
    for record in first:
        again = results.records[record.cell.id].summary["mine.py:found"]
        row = record.cell.architecture.label, record.cell.loss.label
        assert again == 2 * record.summary["mine.py:found"]
        assert shown(study)[row]["mine.py:found"] == again


def test_sums_that_were_not_kept_come_from_the_weights(study):
    whole, board = figures(study), shown(study)
    without(study, "delta1_pixels")
    assert figures(study) != whole
    found = rescore(study, [LATER], CPU)
    assert (dict(found.computed), found.refused) == ({WEIGHTS: 2}, [])
    for cell_id, (summary, curve, _) in figures(study).items():
        assert (summary, curve) == whole[cell_id][:2]  # on the machine that trained it
    for record in trained_records(study):
        row = record.cell.architecture.label, record.cell.loss.label
        assert shown(study)[row] == board[row] | {LATER: record.summary[LATER]}
    assert list(verify(study.load())) == []


def refusals(study, name=LATER):
    """Why each trained cell is refused; nothing of the study is changed by that."""
    before = figures(study)
    found = rescore(study, [name], CPU)
    assert not found.computed
    assert figures(study) == before
    labels = sorted(label.split(" · ")[1] for label, _ in found.refused)
    assert labels == ["bce", "l1"]
    return {why for _, why in found.refused}


def test_changed_data_and_code_are_refused_by_name_unless_the_sums_suffice(
    study, trained, metric, monkeypatch
):
    without(study, "delta1_pixels")
    network, archive = trained / "net.py", trained / "a.zip"
    source, content = network.read_text(), archive.read_bytes()
    try:
        network.write_text(source + "# changed\n")
        assert refusals(study) == {"net.py changed"}
        network.write_text(source)
        archive.unlink()
        (why,) = refusals(study)
        assert "a.zip" in why
        assert rescore(study, [metric], CPU).computed == {SUMS: 5}
    finally:
        network.write_text(source)
        archive.write_bytes(content)


def test_weights_that_were_not_kept_are_refused(study):
    without(study, "delta1_pixels")
    for record in trained_records(study):
        update = record.model_copy(update={"weights": None})
        tables = {n: study.load().scores(record.cell.id, n) for n in ("scores", "values")}
        study.write_cell(update, tables)
    (why,) = refusals(study)
    assert why.startswith("its weights were not kept")


def test_weights_of_another_training_are_refused(study):
    without(study, "delta1_pixels")
    first, second = trained_records(study)
    folders = [study.folder / "cells" / record.cell.id for record in (first, second)]
    weights = [(folder / "weights.safetensors").read_bytes() for folder in folders]
    for folder, content in zip(folders, reversed(weights), strict=True):
        (folder / "weights.safetensors").write_bytes(content)
        checksums.write(folder)
    assert all(why.startswith("the weights that were kept give ") for why in refusals(study))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("tp", "tpp"), "reads the unknown column 'tpp'"),
        (('return sums["tp"]', 'return sums["fp"]'), "fails: KeyError: 'fp'"),
    ],
)
def test_a_metric_that_cannot_be_computed_changes_nothing(study, metric, tmp_path, change, line):
    (tmp_path / "mine.py").write_text(METRIC.replace(*change))
    before = figures(study)
    with pytest.raises(InputError, match=line):
        rescore(study, [metric], CPU)
    assert figures(study) == before


def test_a_figure_out_of_its_range_is_told_and_not_kept(study, metric, tmp_path):
    (tmp_path / "mine.py").write_text(METRIC.replace("decimals=3", "decimals=3, minimum=2"))
    before, board = figures(study), shown(study)
    found = rescore(study, [metric], CPU)
    assert not found.computed
    assert len(found.refused) == 5
    assert all("is not finite and at least 2" in why for _, why in found.refused)
    assert figures(study) == before
    assert shown(study) == board


@pytest.mark.parametrize("what", ["changed", "lost"])
def test_what_was_damaged_before_stays_told(study, what):
    """The test images of the grid: a checksum that is made anew would hide the damage."""
    (stored,) = study.load().grids
    samples = study.folder / "grids" / stored.id / "samples.parquet"
    if what == "changed":
        samples.write_bytes(samples.read_bytes()[:-1] + b"?")
    else:
        samples.unlink()
    rescore(study, ["pooled_iou"], CPU)
    (told,) = [line for line in verify(study.load()) if line.startswith("grids/")]
    assert "samples.parquet: " in told


def test_a_damaged_cell_is_named(study):
    record = trained_records(study)[0]
    (study.folder / "cells" / record.cell.id / checksums.FILE).write_bytes(b"\xff")
    found = rescore(study, ["pooled_iou"], CPU)
    assert [about for about, _ in found.refused] == [f"cells/{record.cell.id}"]
