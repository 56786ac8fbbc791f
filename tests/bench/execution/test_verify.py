"""Every alteration of a study is caught, whether its checksums were made to fit or not."""

import hashlib
import json
import shutil

import pandas as pd
import pytest
import study_maker
import torch
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import InputError
from bench.evaluation import metrics
from bench.evaluation.metric import summarise
from bench.execution.cell import CellResult, with_values
from bench.execution.run import run
from bench.execution.verify import choose_cell, compare_again, verify
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study import checksums, places
from bench.study.plan import timing_cases
from bench.study.record import Epoch, Training
from bench.study.study import Study

GRID = Grid(
    architectures=(Architecture(name="unet"),),
    losses=(LossPair(mask="bce", depth="bce"), LossPair(mask="l1", depth="l1")),
    seeds=(0, 1),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=2),
)
CELLS = [cell for cell in GRID.cells() if cell.loss is not None]
METRICS = [metrics.load(name) for name in metrics.names()]
CURVE = (
    Epoch(step=1, losses={}, val={"iou": 0.4, "rmse": 0.2}, train_s=1.0),
    Epoch(step=2, losses={}, val={"iou": 0.5, "rmse": 0.2}, train_s=1.0, selected=True),
)


def scores(tp):
    return study_maker.scores(
        tp=[tp, 30], fp=[5, 5], fn=[30 - tp, 5], depth_pixels=[100, 100], squared_error=[4.0, 1.0]
    )


def record(cell, tp, **found):
    summary = summarise(scores(tp), METRICS)
    return study_maker.record(cell, summary=summary, training=Training(curve=CURVE), **found)


@pytest.fixture
def study(tmp_path):
    study = Study(tmp_path / "study")
    study.write_grid(GRID, study_maker.PROVENANCE, study_maker.CONTRACTS)
    for number, cell in enumerate(CELLS):
        tables = with_values({places.SCORES: scores(20 + number)}, METRICS)
        study.write_cell(record(cell, 20 + number), tables)
    ((case, _),) = timing_cases(GRID.cells(), [record(CELLS[0], 20)])
    study.write_measurement(study_maker.measurement(case))
    return study


LEFT_OUT = object()


def edit(path, **changes):
    """Change values in a JSON file; ``a__b`` is the key b in the mapping under a."""
    content = json.loads(path.read_text())
    for place, value in changes.items():
        *way, last = place.split("__")
        inner = content
        for key in way:
            inner = inner[int(key) if key.isdigit() else key]
        if value is LEFT_OUT:
            del inner[last]
        else:
            inner[last] = value
    path.write_text(json.dumps(content))


def rewrite_checksums(folder):
    (folder / checksums.FILE).unlink()
    checksums.write(folder)


def edited_record(folder, **changes):
    edit(folder / "cells" / CELLS[0].id / "record.json", **changes)
    rewrite_checksums(folder / "cells" / CELLS[0].id)


def edited_scores(folder, change, table="scores"):
    cell = folder / "cells" / CELLS[0].id
    path = cell / f"{table}.parquet"
    change(pd.read_parquet(path)).to_parquet(path)
    rewrite_checksums(cell)


def swap(folder):
    one, other = (folder / "cells" / cell.id for cell in CELLS[:2])
    shutil.move(one, folder / "aside")
    shutil.move(other, one)
    shutil.move(folder / "aside", other)


def sums_file(folder, lines):
    """Replace the checksums beside a record by its own and some lines."""
    cell = folder / "cells" / CELLS[0].id
    digest = hashlib.sha256((cell / "record.json").read_bytes()).hexdigest()
    (cell / checksums.FILE).write_text(f"{digest}  record.json\n{lines}\n")


def unreadable_scores(folder):
    cell = folder / "cells" / CELLS[0].id
    (cell / "scores.parquet").write_bytes(b"PAR1")
    rewrite_checksums(cell)


def all_but_one_sample_count(folder):
    for cell in CELLS[1:]:
        path = folder / "cells" / cell.id
        edit(path / "record.json", samples__train=7)
        rewrite_checksums(path)


ALTERATIONS = {
    "a figure": lambda f: edit(f / "cells" / CELLS[0].id / "record.json", summary__iou=0.99),
    "a figure and its checksum": lambda f: edited_record(f, summary__iou=0.99),
    "a figure that is impossible": lambda f: edited_record(f, summary__iou=7.5),
    "a score": lambda f: edited_scores(f, lambda table: table.assign(tp=40)),
    "a value": lambda f: edited_scores(f, lambda t: t.assign(iou=[0.5, 0.5]), "values"),
    "the images of values": lambda f: edited_scores(
        f, lambda t: t.assign(key=["b", "a"]), "values"
    ),
    "a metric's values left out": lambda f: edited_scores(
        f, lambda t: t.drop(columns="iou"), "values"
    ),
    "a test image left out": lambda f: edited_scores(f, lambda table: table[:1]),
    "a test image exchanged": lambda f: edited_scores(f, lambda t: t.assign(key=["a", "c"])),
    "a test image twice": lambda f: edited_scores(f, lambda t: t.assign(key=["a", "a"])),
    "the number of test images": lambda f: edited_record(f, samples__test=3),
    "the selected epoch": lambda f: edited_record(
        f, training__curve__0__selected=True, training__curve__1__selected=False
    ),
    "two cells exchanged": swap,
    "the learning rate": lambda f: edited_record(f, cell__train__learning_rate=0.5),
    "a file cut off": lambda f: (f / "cells" / CELLS[0].id / "scores.parquet").write_bytes(b"PAR1"),
    "the checksums": lambda f: (f / "cells" / CELLS[0].id / "SHA256SUMS").write_text(""),
    "checksums without a form": lambda f: sums_file(f, "0123 record.json"),
    "checksums without scores": lambda f: sums_file(f, ""),
    "scores that are none": unreadable_scores,
    "scores without their images": lambda f: edited_scores(f, lambda t: t.drop(columns="key")),
    "scores without a metric's sums": lambda f: edited_scores(f, lambda t: t.drop(columns="tp")),
    "a figure left out": lambda f: edited_record(f, summary__iou=LEFT_OUT),
    "a figure that the scores do not give": lambda f: edited_record(f, summary__delta1=0.9),
    "all figures": lambda f: edited_record(f, summary={}),
    "a failure that has scores": lambda f: edited_record(f, summary=None, failure="it broke"),
    "the training left out": lambda f: edited_record(f, training=None),
    "the training's figures": lambda f: edited_record(
        f, training__curve__0__val={}, training__curve__1__val={}
    ),
    "the number of training images": lambda f: edited_record(f, samples__train=7),
    "the number of training images of the others": all_but_one_sample_count,
    "a speed": lambda f: edit(next(f.glob("throughput/*/*.json")), parameters=7),
    "the leaderboard": lambda f: (f / "leaderboard.md").write_text("unet: 0.99\n"),
}


def run_verify(folder):
    ran = CliRunner().invoke(app, ["verify", str(folder)])
    return ran.exit_code, ran.output


def test_what_was_not_touched_is_in_order(study):
    CliRunner().invoke(app, ["report", str(study.folder)])
    code, text = run_verify(study.folder)
    assert (code, text) == (0, "4 cells and 1 measurements: all in order\n")


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
def test_an_alteration_is_caught(study, alter):
    alter(study.folder)
    code, text = run_verify(study.folder)
    assert code == 1
    assert len(text.splitlines()) >= 2


OWN = "mine.py:share"


@pytest.fixture
def with_own_metric(tmp_path):
    """A study with a user's own metric, whose code is not at hand."""
    contract = study_maker.CONTRACTS["iou"].model_copy(update={"source_sha256": "5" * 64})
    study = Study(tmp_path / "own")
    study.write_grid(GRID, study_maker.PROVENANCE, study_maker.CONTRACTS | {OWN: contract})
    for cell in CELLS:
        found = record(cell, 20)
        metrics, summary = {**found.metrics, OWN: "5" * 64}, {**found.summary, OWN: 0.3}
        tables = with_values({places.SCORES: scores(20)}, METRICS)
        tables[places.VALUES][OWN] = [0.2, 0.4]
        study.write_cell(found.model_copy(update={"metrics": metrics, "summary": summary}), tables)
    return study


def test_the_figure_of_an_own_metric_is_the_mean_of_its_values(with_own_metric):
    assert list(verify(with_own_metric.load())) == []
    edited_record(with_own_metric.folder, summary={**record(CELLS[0], 20).summary, OWN: 0.999})
    assert list(verify(with_own_metric.load())) == [
        f"cells/{CELLS[0].id}: {OWN} is 0.999, and its values give {(0.2 + 0.4) / 2}"
    ]
    edited_scores(with_own_metric.folder, lambda table: table.drop(columns=OWN), "values")
    assert list(verify(with_own_metric.load())) == [
        f"cells/{CELLS[0].id}: {OWN} is 0.999, and its values give not there"
    ]


TRUTHS = {
    "group_background": lambda table: table.assign(group_background=["x", "x"]),
    "depth_pixels": lambda table: table.assign(depth_pixels=[100, 101]),
    "target_depth": lambda table: table.assign(target_depth=[5.0, 9.01]),
    "tp + fn": lambda table: table.assign(fn=[5, 6]),
    "images": lambda table: table.assign(key=["a", "c"]),
}


@pytest.mark.parametrize(("name", "change"), TRUTHS.items(), ids=TRUTHS)
@pytest.mark.parametrize("which", [0, 1])
def test_the_cell_whose_truth_is_not_that_of_the_others_is_named(tmp_path, name, change, which):
    def tables(cell):
        table = scores(20).assign(target_depth=[5.0, 9.0])
        if cell != CELLS[which]:  # one adds the same numbers up in another order, to 7 digits
            return table.assign(target_depth=[5.0, 9.000001])[::-1]
        return change(table)

    study = study_maker.keep_scored(Study(tmp_path), GRID, tables, training=Training(curve=CURVE))
    like = min(cell.id for cell in CELLS if cell != CELLS[which])
    told = f"it has other {name} than {like} and 2 more, whose split is the same"
    assert list(verify(study.load())) == [f"cells/{CELLS[which].id}: {told}"]


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_study_under_another_name_is_in_order(study, move):
    CliRunner().invoke(app, ["report", str(study.folder)])
    elsewhere = study.folder.with_name("another")
    move(study.folder, elsewhere)
    assert run_verify(elsewhere)[0] == 0


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "..", "a/../../b", "a\0b"])
def test_checksums_lead_to_no_other_folder(study, monkeypatch, name):
    cell = study.folder / "cells" / CELLS[0].id
    read = []
    monkeypatch.setattr(checksums, "_sha256", lambda path: read.append(path) or "0" * 64)
    (cell / checksums.FILE).write_text(f"{'0' * 64}  {name}\n")
    assert checksums.problem(cell).startswith(f"SHA256SUMS: '{'0' * 64}  ")
    assert read == []


def test_no_report_is_written_over_a_leaderboard_when_no_grid_can_be_read(study):
    CliRunner().invoke(app, ["report", str(study.folder)])
    before = (study.folder / "leaderboard.md").read_bytes()
    for path in study.folder.glob("grids/*/grid.json"):
        path.write_text("{")
    ran = CliRunner().invoke(app, ["report", str(study.folder)])
    assert ran.exit_code == 1
    assert "grid.json: was changed after it was written" in " ".join(ran.output.split())
    assert "nothing written: no grid of the study can be read" in ran.output
    assert (study.folder / "leaderboard.md").read_bytes() == before


def test_the_disagreement_is_told_with_both_figures(study):
    edited_record(study.folder, summary__iou=0.99)
    told = list(verify(study.load()))
    true = record(CELLS[0], 20).summary["iou"]
    assert told == [f"cells/{CELLS[0].id}: iou is 0.99, and the scores give {true}"]


def test_a_cell_trained_again_on_the_same_machine_has_to_agree_to_the_last_digit(study):
    results = study.load()
    recorded = results.records[CELLS[0].id]
    same = CellResult(recorded, {places.SCORES: scores(20)})
    assert compare_again(recorded, same, results) == (True, "the same to the last digit")
    other = CellResult(record(CELLS[0], 21), {places.SCORES: scores(21)})
    agrees, reason = compare_again(recorded, other, results)
    assert not agrees
    assert reason.startswith("iou 0.")


@pytest.mark.parametrize(("tp", "agrees"), [(21, True), (22, True), (23, False)])
def test_on_another_machine_it_has_to_agree_within_the_spread_of_the_seeds(study, tp, agrees):
    # The row's seeds have 20 and 22 true pixels in one of the images.
    results = study.load()
    elsewhere = study_maker.ENVIRONMENT.model_copy(update={"device_name": "another"})
    again = CellResult(record(CELLS[0], tp, environment=elsewhere), {places.SCORES: scores(tp)})
    verdict = compare_again(results.records[CELLS[0].id], again, results)
    assert verdict.agrees is agrees
    assert ("within the spread" in verdict.reason) is agrees


def test_the_cell_to_train_again_is_named_or_drawn_by_a_seed(study):
    results = study.load()
    assert choose_cell(results, CELLS[1].id[:6], 0).cell == CELLS[1]
    drawn = {choose_cell(results, "random", seed).cell.id for seed in range(40)}
    assert drawn == {cell.id for cell in CELLS}
    assert choose_cell(results, "random", 7) == choose_cell(results, "random", 7)


def test_a_cell_to_train_again_that_is_none_or_several_is_told_with_what_there_is(study, tmp_path):
    results = study.load()
    choices = ", ".join(["random", *sorted(cell.id for cell in CELLS)])
    for wanted, many in (("zzz", "no trained cell"), ("", "several trained cells")):
        with pytest.raises(InputError) as caught:
            choose_cell(results, wanted, 0)
        said = f"--retrain: {wanted}: is the id of {many} (choices: {choices})"
        assert str(caught.value) == said
    with pytest.raises(InputError, match=r"^--retrain: the study has no cell that was trained to"):
        choose_cell(Study(tmp_path).load_or_empty(), "random", 0)


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (["--retrain", "zzz"], "--retrain: zzz"),
        (["--retrain", "random", "--device", "gpu"], "--dev"),
    ],
)
def test_what_cannot_be_trained_again_is_told_before_the_study_is_checked(study, asked, wrong):
    ran = CliRunner().invoke(app, ["verify", str(study.folder), *asked])
    assert isinstance(ran.exception, InputError)
    assert str(ran.exception).startswith(wrong)
    assert ran.output == ""


@pytest.mark.parametrize("task", ["mask", "depth"])
def test_a_cell_of_one_task_is_trained_again_though_no_grid_can_be_read(
    tmp_path, rendered_archive, tiny_network, task
):
    grid = Grid(
        architectures=(tiny_network,),
        losses=({task: "l1"},),
        data={"archive": str(rendered_archive), "image_size": 32},
        train={"epochs": 1, "batch_size": 8},
        metrics=("mask_bce",) if task == "mask" else ("delta1",),
    )
    study = Study(tmp_path / "study")
    run(grid, study, device=torch.device("cpu"), throughput=False)
    for path in study.folder.glob("grids/*/grid.json"):
        path.write_text("{")
    asked = ["verify", str(study.folder), "--retrain", "random", "--device", "cpu"]
    ran = CliRunner().invoke(app, asked)
    assert ran.exit_code == 1  # the grid is told
    assert ran.output.endswith(": the same to the last digit\n")


def test_a_cell_whose_network_is_gone_is_told_in_a_line(tmp_path, tiny_network):
    network = shutil.copy(tiny_network.partition(":")[0], tmp_path / "network.py")
    grid = GRID.model_copy(
        update={"architectures": (Architecture(name=f"{network}:tiny_network"),), "seeds": (0,)}
    )
    study = Study(tmp_path / "study")
    cell = next(cell for cell in grid.cells() if cell.loss is not None)
    study_maker.keep(study, grid, [record(cell, 20)])
    network.unlink()
    ran = CliRunner().invoke(app, ["verify", str(study.folder), "--retrain", cell.id])
    assert isinstance(ran.exception, InputError)
    assert str(ran.exception).startswith(f"--retrain: {cell.label} ({cell.id}): ")
    assert "\n" not in str(ran.exception)
