"""Studies of several machines are joined without a loss, and not where they cannot be compared."""

import errno
import json
import os
import shutil
from datetime import timedelta

import pytest
import study_maker
from study_maker import CONTRACTS, ENVIRONMENT, NOW, PROVENANCE

from bench.errors import InputError
from bench.execution.threads import threads_for
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.settings.tuning import Tune
from bench.study import checksums, places
from bench.study.measurement import Measurement
from bench.study.merge import merge
from bench.study.plan import timing_cases
from bench.study.record import Provenance
from bench.study.results import Race
from bench.study.study import Study

IOU, RMSE = 0.5, 0.1
GRID = Grid(
    architectures=(Architecture(name="unet"),),
    losses=(LossPair(mask="bce", depth="bce"),),
    seeds=(0, 1),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=2),
)
OTHER_SEEDS = GRID.model_copy(update={"seeds": (2, 3)})
CELL = list(GRID.cells())[-1]  # unet, seed 1
TUNED = GRID.model_copy(update={"tune": Tune(trials=2, learning_rate=(1e-3, 1e-2))})
TRIAL = next(TUNED.trials())
NEW_CODE = {**PROVENANCE.sources, "unet": {"networks/unet.py": "9" * 64}}


def records_of(grid, **found):
    """A complete record of every cell."""
    return [study_maker.record(cell, **{"summary": {"iou": IOU}} | found) for cell in grid.cells()]


def measurement(records, **found):
    case, _ = timing_cases([r.cell for r in records], records)[0]
    content = {
        "case": case,
        "environment": ENVIRONMENT,
        "measured_utc": NOW,
        "timings": {"inference": study_maker.timing([0.1, 0.2, 0.3])},
    }
    return Measurement(**content | found)


@pytest.fixture
def make(tmp_path):
    """Writes a study into a folder of that name."""

    def make(name, grid=GRID, records=None, measurements=()):
        study = Study(tmp_path / name)
        study_maker.keep(study, grid, records_of(grid) if records is None else records)
        for one in measurements:
            study.write_measurement(one)
        return study.folder

    return make


@pytest.fixture
def pair(make):
    """Two studies of the same grid, of which one cell each is as it is told."""

    def pair(one, other):
        of_one = study_maker.record(CELL, **{"summary": {"iou": IOU}} | one)
        of_other = study_maker.record(CELL, **{"summary": {"iou": IOU}} | other)
        return make("a", records=[of_one]), make("b", records=[of_other])

    return pair


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_each_cell_grid_and_timing_is_there_byte_by_byte(make, tmp_path):
    elsewhere = ENVIRONMENT.model_copy(update={"device_name": "another processor"})
    here, there = records_of(GRID), records_of(OTHER_SEEDS)
    one = make("a", records=here, measurements=[measurement(here)])
    other = make("b", OTHER_SEEDS, there, [measurement(there, environment=elsewhere)])
    added = merge([one, other], tmp_path / "out")
    assert contents(tmp_path / "out") == contents(one) | contents(other)
    joined = Study(tmp_path / "out").load()
    assert joined.damaged == {}
    trained = [r.cell.seed for r in joined.records.values() if r.cell.loss is not None]
    assert sorted(trained) == [0, 1, 2, 3]
    assert len(joined.grids) == len(joined.measurements) == 2
    assert added == len(joined.records) + 4


def test_the_order_of_the_studies_does_not_matter(make, tmp_path):
    failed = study_maker.record(CELL, failure="out of memory")
    slower = records_of(GRID, finished_utc=NOW + timedelta(1))
    folders = [
        make("a"),
        make("b", OTHER_SEEDS),
        make("c", records=slower, measurements=[measurement(slower, failure="it died")]),
        make("d", records=[failed], measurements=[measurement(slower)]),
    ]
    merge(folders, tmp_path / "one")
    merge(folders[::-1], tmp_path / "other")
    merge(folders[:2], tmp_path / "in_steps")
    merge(folders[2:], tmp_path / "in_steps")
    expected = contents(tmp_path / "one")
    assert contents(tmp_path / "other") == expected
    assert contents(tmp_path / "in_steps") == expected


def test_to_merge_again_changes_nothing(make, tmp_path):
    folders = [make("a"), make("b", OTHER_SEEDS)]
    out = tmp_path / "out"
    merge(folders, out)
    before = contents(out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert merge(folders, out) == 0
    assert merge([out, out], out) == 0
    assert contents(out) == before
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == times


def test_what_is_beside_the_cells_of_the_joined_study_stays(make, tmp_path):
    out = make("out")
    (out / "notes.txt").write_text("mine")
    merge([make("b", OTHER_SEEDS)], out)
    assert (out / "notes.txt").read_text() == "mine"
    assert len(Study(out).load().records) == len(list(GRID.cells())) + 2


@pytest.mark.parametrize("order", [1, -1])
def test_a_complete_cell_is_taken_in_place_of_a_failed_one(pair, tmp_path, order):
    failed = {"summary": None, "failure": "out of memory", "finished_utc": NOW + timedelta(1)}
    merge(pair({}, failed)[::order], tmp_path / "out")
    (record,) = Study(tmp_path / "out").load().records.values()
    assert record.failure is None


def test_a_failed_cell_of_the_joined_study_is_replaced(make, tmp_path):
    out = make("out", records=[study_maker.record(CELL, failure="out of memory")])
    merge([make("a", records=[study_maker.record(CELL, summary={"iou": IOU})])], out)
    assert Study(out).load().records[CELL.id].failure is None


def test_of_two_failures_the_latest_is_kept(pair, tmp_path):
    first = {"summary": None, "failure": "out of memory"}
    later = {"summary": None, "failure": "a hang", "finished_utc": NOW + timedelta(1)}
    merge(pair(later, first), tmp_path / "out")
    assert Study(tmp_path / "out").load().records[CELL.id].failure == "a hang"


def test_figures_that_differ_by_rounding_are_the_same(pair, tmp_path):
    later = {"summary": {"iou": IOU + 1e-9}, "finished_utc": NOW + timedelta(1)}
    merge(pair(later, {}), tmp_path / "out")
    assert Study(tmp_path / "out").load().records[CELL.id].summary == {"iou": IOU + 1e-9}


def test_a_cell_with_a_further_metric_is_taken(pair, tmp_path):
    mine = study_maker.DIGESTS | {"mine.py:mine": "3" * 64}
    more = {"metrics": mine, "summary": {"iou": IOU, "mine.py:mine": 0.1}}
    merge(pair(more, {"finished_utc": NOW + timedelta(1)}), tmp_path / "out")
    assert "mine.py:mine" in Study(tmp_path / "out").load().records[CELL.id].summary


@pytest.mark.parametrize("into_a", [False, True])
def test_weights_are_not_lost_to_a_later_record_without_them(pair, tmp_path, into_a):
    with_weights = study_maker.record(CELL, summary={"iou": IOU}, weights="best")
    one, other = pair({}, {"finished_utc": NOW + timedelta(1)})
    tables = {places.SCORES: study_maker.scores()}
    Study(one).write_cell(with_weights, tables, b"the weights")
    out = one if into_a else tmp_path / "out"
    merge((one, other), out)
    results = Study(out).load()
    assert results.weights(results.records[CELL.id]) == b"the weights"


def test_weights_in_one_and_a_metric_in_the_other_are_refused(pair, tmp_path):
    mine = study_maker.DIGESTS | {"mine.py:mine": "3" * 64}
    one, other = pair({}, {"metrics": mine, "summary": {"iou": IOU, "mine.py:mine": 0.1}})
    with_weights = study_maker.record(CELL, summary={"iou": IOU}, weights="best")
    Study(one).write_cell(with_weights, {places.SCORES: study_maker.scores()}, b"the weights")
    with pytest.raises(InputError, match="each has weights or a metric that the other has not"):
        merge((one, other), tmp_path / "out")


def own_metric(name):
    metrics = study_maker.DIGESTS | {name: "3" * 64}
    return {"metrics": metrics, "summary": {"iou": IOU, name: 0.1}}


DIFFERENT_CELLS = {
    "data": (
        {},
        {"provenance": PROVENANCE.model_copy(update={"data": "else"})},
        "the data changed",
    ),
    "split": (
        {},
        {"provenance": PROVENANCE.model_copy(update={"split": "4567"})},
        "the split changed",
    ),
    "code": (
        {},
        {"provenance": PROVENANCE.model_copy(update={"sources": NEW_CODE})},
        "networks/unet.py changed",
    ),
    "weights": (
        {},
        {"provenance": PROVENANCE.model_copy(update={"weights": {"unet (w: a.pt)": "5" * 64}})},
        r"the weights of unet \(w: a.pt\) changed",
    ),
    "code of a failed cell": (
        {},
        {
            "provenance": PROVENANCE.model_copy(update={"sources": NEW_CODE}),
            "summary": None,
            "failure": "out of memory",
        },
        "networks/unet.py changed",
    ),
    "a figure": ({}, {"summary": {"iou": IOU + 1e-4}}, "iou is (0.5001 and 0.5|0.5 and 0.5001)"),
    "no figure": ({}, {"summary": {}}, "iou is (0.5 and None|None and 0.5)"),
    "the code of a metric": (
        {},
        {"metrics": study_maker.DIGESTS | {"iou": "3" * 64}},
        "iou is computed by other code",
    ),
    "metrics of their own": (
        own_metric("a.py:a"),
        own_metric("b.py:b"),
        r"each has a metric that the other has not; [ab]\.py:[ab] is in the second alone",
    ),
}


@pytest.mark.parametrize("case", DIFFERENT_CELLS)
@pytest.mark.parametrize("order", [1, -1])
def test_the_same_cell_with_something_else_behind_it_is_refused(pair, tmp_path, case, order):
    one, other, why = DIFFERENT_CELLS[case]
    folders = pair(one, other)[::order]
    line = rf"/[ab]/cells/{CELL.id} and .*/[ab]/cells/{CELL.id}: unet · bce · seed 1: cannot be "
    with pytest.raises(InputError, match=f"{line}merged: {why}; delete one") as told:
        merge(folders, tmp_path / "out")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


def test_another_consistency_of_the_same_cell_is_refused(tmp_path):
    for name, rmse in {"a": 0.1, "b": 0.2}.items():
        study = Study(tmp_path / name)
        study.write_grid(GRID, PROVENANCE, CONTRACTS)
        record = study_maker.record(CELL, summary={"iou": IOU}, consistency={"rmse": rmse})
        study.write_cell(record, dict.fromkeys(("scores", "consistency"), study_maker.scores()))
    with pytest.raises(InputError, match=r"the consistency's rmse is 0\.\d and 0\.\d"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out")


def test_another_score_of_the_same_trial_is_refused(make, tmp_path):
    folders = [
        make(name, TUNED, [study_maker.record(TRIAL, val_score=score)])
        for name, score in {"a": 0.5, "b": 0.6}.items()
    ]
    with pytest.raises(InputError, match=rf"/trials/{TRIAL.id} .* validation images is 0\.\d and"):
        merge(folders, tmp_path / "out")


def rewrite_grid(folder, grid=GRID, provenance=PROVENANCE, metrics=CONTRACTS, race=None):
    shutil.rmtree(folder / "grids")
    Study(folder).write_grid(grid, provenance, metrics, race=race)


def test_grids_of_one_leaderboard_that_led_to_something_else_are_refused(make, tmp_path):
    one, other = make("a"), make("b", OTHER_SEEDS, [])
    rewrite_grid(other, OTHER_SEEDS, PROVENANCE.model_copy(update={"sources": NEW_CODE}))
    line = r"/a and .*/b: cannot be merged: rows of one leaderboard .*: networks/unet\.py changed; "
    with pytest.raises(InputError, match=line):
        merge([one, other], tmp_path / "out")


def test_grids_of_other_networks_are_compared_by_what_both_know(make, tmp_path):
    densenet = GRID.model_copy(update={"architectures": (Architecture(name="densenet"),)})
    one, other = make("a"), make("b", densenet, [])
    sources = {"densenet": {"networks/densenet.py": "7" * 64}}
    rewrite_grid(other, densenet, PROVENANCE.model_copy(update={"sources": sources}))
    merge([one, other], tmp_path / "out")
    assert len(Study(tmp_path / "out").load().grids) == 2


def test_grids_of_another_setting_may_have_other_data(make, tmp_path):
    larger = GRID.model_copy(update={"data": Data(archive=("a.zip",), image_size=128)})
    one, other = make("a"), make("b", larger, [])
    rewrite_grid(other, larger, Provenance(data="other data", split="4567"))
    merge([one, other], tmp_path / "out")
    assert len(Study(tmp_path / "out").load().grids_by_setting()) == 2


def test_a_metric_that_is_computed_otherwise_is_refused_with_both_versions(make, tmp_path):
    one, other = make("a"), make("b", OTHER_SEEDS, [])
    iou = CONTRACTS["iou"].model_copy(update={"version": 9, "source_sha256": "3" * 64})
    rewrite_grid(other, OTHER_SEEDS, metrics=CONTRACTS | {"iou": iou})
    both = r"\w{12} \(version 1\) and 3{12} \(version 9\)"
    line = f"/a and .*/b: .* the metric iou is computed by other code: {both}; run"
    with pytest.raises(InputError, match=line):
        merge([one, other], tmp_path / "out")


def test_of_a_grid_that_was_run_several_times_the_latest_run_is_kept(make, tmp_path):
    first, later = make("a"), make("b")
    race = Race(metric="iou", looks=(2,))
    rewrite_grid(later, race=race)
    merge([later, first], tmp_path / "out")
    (grid,) = Study(tmp_path / "out").load().grids
    assert grid.race == race


def test_timings_of_one_machine_are_taken_once_the_one_that_worked(make, tmp_path):
    records = records_of(GRID)
    failed = measurement(records, failure="it died", measured_utc=NOW + timedelta(2))
    interrupted = measurement(records, rounds_left=1, measured_utc=NOW + timedelta(1))
    early, late = measurement(records), measurement(records, measured_utc=NOW + timedelta(hours=1))
    folders = [
        make(f"s{number}", records=records, measurements=[one])
        for number, one in enumerate([failed, late, interrupted, early])
    ]
    merge(folders, tmp_path / "out")
    assert Study(tmp_path / "out").load().measurements == {late.id: late}
    merge([folders[0], folders[2]], tmp_path / "less")
    assert Study(tmp_path / "less").load().measurements == {late.id: interrupted}


def test_cells_of_other_devices_and_numbers_of_threads_go_together(make, tmp_path):
    training = {"curve": ({"step": 1, "losses": {}, "val": {"iou": IOU}, "train_s": 1.0},)}
    folders = []
    for name, grid, update in [
        ("a", GRID, {"threads": 4}),
        ("b", OTHER_SEEDS, {"threads": 2}),
        ("c", GRID.model_copy(update={"seeds": (4, 5, 6)}), {"threads": 4}),
        ("d", GRID.model_copy(update={"seeds": (7, 8)}), {"device": "cuda", "threads": 16}),
    ]:
        environment = ENVIRONMENT.model_copy(update=update)
        cells = [cell for cell in grid.cells() if cell.loss is not None]
        records = [
            study_maker.record(
                cell, summary={"iou": IOU}, environment=environment, training=training
            )
            for cell in cells
        ]
        folders.append(make(name, grid, records))
    merge(folders, tmp_path / "out")
    joined = Study(tmp_path / "out").load()
    assert {r.environment.threads for r in joined.records.values()} == {2, 4, 16}
    # What is trained here from now on computes as most of its cells on a CPU did.
    assert [threads_for(joined, asked) for asked in (None, 2, 4)] == [4, 2, 4]
    with pytest.raises(InputError, match="were trained with 2 or 4, which"):
        threads_for(joined, 16)


def change(path):
    path.write_bytes(path.read_bytes()[:-1] + b"?")


DAMAGE = {
    "scores": (f"cells/{CELL.id}/scores.parquet", "scores.parquet: was changed after"),
    "record": (f"cells/{CELL.id}/record.json", "record.json: was changed after"),
    "grid": ("grids/*/grid.json", "grid.json: was changed after"),
    "timing": ("throughput/*/measurement.json", "measurement.json: was changed after"),
    "checksums": (f"cells/{CELL.id}/SHA256SUMS", "SHA256SUMS: .* is not a checksum"),
}


@pytest.mark.parametrize("place", ["a", "out"])
@pytest.mark.parametrize(("file", "why"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_study_is_refused_by_name(make, tmp_path, file, why, place):
    records = records_of(GRID)
    for name in ("a", "out"):
        make(name, records=records, measurements=[measurement(records)])
    (path,) = (tmp_path / place).glob(file)
    change(path)
    before = contents(tmp_path)
    place = path.parent.relative_to(tmp_path)
    with pytest.raises(InputError, match=f"{place}: {why}.*; `bench verify .*` names all"):
        merge([tmp_path / "a", make("b", OTHER_SEEDS)], tmp_path / "out")
    assert {p: c for p, c in contents(tmp_path).items() if p.parts[0] != "b"} == before


def test_a_folder_that_holds_no_study_is_named(make, tmp_path):
    with pytest.raises(InputError, match="nowhere: holds no study"):
        merge([make("a"), tmp_path / "nowhere"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to_is_told_in_a_line(make, tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(InputError, match=r"/out: cannot be written to: (Not a dir|File exists)"):
        merge([make("a")], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "precious"


def test_a_merge_that_is_cut_off_shows_nothing_and_goes_on(make, tmp_path, monkeypatch):
    folders = [make("a"), make("b", OTHER_SEEDS)]
    out, copy, copied = tmp_path / "out", shutil.copyfile, []

    def cut_off(source, target):
        copied.append(source)
        if len(copied) == 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", cut_off)
        with pytest.raises(InputError, match="/out: cannot be written to: No space left on device"):
            merge(folders, out)
    with pytest.raises(InputError, match="holds no study"):
        Study(out).load()
    assert not list(out.rglob(".*"))
    merge(folders, out)
    assert contents(out) == contents(folders[0]) | contents(folders[1])


def test_a_file_that_changes_while_it_is_copied_is_not_taken(make, tmp_path, monkeypatch):
    copy = shutil.copyfile

    def spoil(source, target):
        copy(source, target)
        if source.name == "record.json":
            change(target)

    monkeypatch.setattr("shutil.copyfile", spoil)
    with pytest.raises(InputError, match=r"record\.json: was changed .* while it was copied"):
        merge([make("a")], tmp_path / "out")
    assert not list(tmp_path.glob("out/cells/*"))


def test_many_changes_are_told_in_one_line_that_can_be_read(make, tmp_path):
    many = {"decoding": {f"bench/data/file_{n}.py": f"{n:064}" for n in range(500)}}
    one, other = make("a"), make("b", OTHER_SEEDS, [])
    rewrite_grid(one, provenance=PROVENANCE.model_copy(update={"sources": many}))
    none = {"decoding": {}}
    rewrite_grid(other, OTHER_SEEDS, PROVENANCE.model_copy(update={"sources": none}))
    with pytest.raises(InputError, match=r"file_0\.py is not used any more") as told:
        merge([one, other], tmp_path / "out")
    assert len(str(told.value)) < 1000


def test_what_a_cell_folder_holds_besides_is_left_behind(make, tmp_path):
    one = make("a")
    (one / "cells" / CELL.id / "curve.png").write_text("a plot")
    merge([one], tmp_path / "out")
    folder = tmp_path / "out" / "cells" / CELL.id
    assert {path.name for path in folder.iterdir()} == {*checksums.listed(folder), "SHA256SUMS"}
    assert json.loads((folder / "record.json").read_text())["cell"]["seed"] == 1
