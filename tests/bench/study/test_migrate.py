"""A study that the first version wrote is read, with what that version did not keep unknown.

`format_1` is such a study, cut down to a trivial baseline, one trained cell and one measurement.
"""

import errno
import json
import os
import shutil
import statistics
from pathlib import Path

import pandas as pd
import pytest
import study_maker

from bench.errors import InputError
from bench.report.leaderboard import leaderboards
from bench.study.migrate import migrate
from bench.study.plan import State, plan
from bench.study.study import Study

FORMAT_1 = Path(__file__).parent / "format_1"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(FORMAT_1, tmp_path / "study")


OLD = {
    record["cell"]["architecture"]["name"]: (record, path.with_name("scores.parquet"))
    for path in FORMAT_1.glob("cells/*/record.json")
    for record in [json.loads(path.read_text())]
}


def test_every_figure_is_what_it_was(folder):
    migrate(folder, study_maker.CONTRACTS)
    results = Study(folder).load()
    assert results.damaged == {}
    new = {record.cell.architecture.name: record for record in results.records.values()}
    for name, (old, scores) in OLD.items():
        summary = {k: v for k, v in old["summary"].items() if k != "images" and v is not None}
        assert new[name].summary == summary
        assert new[name].samples.test == old["summary"]["images"]
        pd.testing.assert_frame_equal(results.scores(new[name].cell.id), pd.read_parquet(scores))
    curve = OLD["unet"][0]["curve"]
    assert [epoch.val["iou"] for epoch in new["unet"].training.curve] == [
        epoch["val"]["iou"] for epoch in curve
    ]


def test_its_rows_and_its_speed_stand_on_a_board(folder):
    migrate(folder, study_maker.CONTRACTS)
    (board,) = leaderboards(Study(folder).load())
    (row,) = board.rows
    assert (row.architecture, row.loss, row.is_ranked) == ("unet(width=0.25)", "bce", True)
    assert row.figures["iou"].mean == OLD["unet"][0]["summary"]["iou"]
    assert row.figures["inference_images_per_s"].mean > 0


def test_every_sample_of_a_timing_is_a_block(folder):
    (old,) = (json.loads(path.read_text()) for path in FORMAT_1.glob("throughput/*.json"))
    migrate(folder, study_maker.CONTRACTS)
    (new,) = Study(folder).load().measurements.values()
    assert len(new.timings) == 3
    timing = new.timings["inference"]
    assert [[block.runs_s[0] for block in visit.blocks] for visit in timing.rounds] == old[
        "inference"
    ]["samples_s"]
    assert timing.seconds.value == statistics.median(old["inference"]["round_medians_s"])
    assert new.times_as_fast("inference").value == 1  # it was its own reference


@pytest.mark.parametrize(
    ("parts", "checkpointing", "ran_out"), [(1, False, False), (4, False, True), (1, True, True)]
)
def test_a_batch_was_only_divided_where_memory_ran_out(folder, parts, checkpointing, ran_out):
    def divide(record):
        record["executions"][0] |= {"parts": parts, "checkpointing": checkpointing}

    edit(record_of(folder, "unet"), divide)
    migrate(folder, study_maker.CONTRACTS)
    records = Study(folder).load().records.values()
    (record,) = (r for r in records if r.cell.architecture.name == "unet")
    (execution,) = record.training.executions
    assert (execution.accumulation_steps, execution.out_of_memory) == (parts, ran_out)


def test_what_was_not_kept_is_not_taken_for_current(folder):
    migrate(folder, study_maker.CONTRACTS)
    results = Study(folder).load()
    cells = list(results.grids[0].grid.cells())
    states = {p.state for p in plan(cells, results, lambda _: study_maker.PROVENANCE) if p.record}
    assert states == {State.STALE}


def test_what_the_format_does_not_know_is_kept(folder):
    for place in ("plots/deep/a.png", "notes.txt", ".hidden", "cells/notes.txt", "cells/.a/b"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(place)
    (folder / "throughput" / "notes").mkdir()
    (folder / "throughput" / "notes" / "a.txt").write_text("timed at night")
    (folder / "latest.txt").symlink_to("notes.txt")
    (folder / "empty").mkdir()
    old = next(folder.glob("cells/*/record.json")).parent
    (old / "plots").mkdir()
    (old / "plots" / "curve.png").write_text(old.name)
    before = {
        file.relative_to(folder): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.suffix not in {".json", ".parquet"}
    }
    migrate(folder, study_maker.CONTRACTS)
    (new,) = folder.glob("cells/*/plots/curve.png")
    assert new.read_text() == old.name
    del before[Path("cells", old.name, "plots", "curve.png")]
    assert {place: (folder / place).read_bytes() for place in before} == before
    assert (folder / "latest.txt").readlink() == Path("notes.txt")
    assert (folder / "empty").is_dir()
    assert len(Study(folder).load().records) == len(OLD)


def record_of(folder, name):
    for path in folder.glob("cells/*/record.json"):
        if json.loads(path.read_text())["cell"]["architecture"]["name"] == name:
            return path
    raise AssertionError


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def copy_of_a_cell(folder):
    path = shutil.copytree(record_of(folder, "unet").parent, folder / "cells" / "0123456789ab")
    edit(path / "record.json", lambda r: r["cell"]["data"].update(archive=["elsewhere.zip"]))


def consistency_without_scores(folder):
    edit(record_of(folder, "unet"), lambda r: r["summary"].update(consistency_rmse=0.1))


def own_file_in_a_new_place(folder):
    path = record_of(folder, "unet")
    (path.parent / "SHA256SUMS").write_text("mine")


UNFIT = {
    "no record": (lambda f: record_of(f, "unet").write_text("{"), r"record\.json: cannot be migr"),
    "a list": (lambda f: record_of(f, "unet").write_text("[]"), r"record\.json: cannot be migr"),
    "a text in place of a part": (
        lambda f: edit(record_of(f, "unet"), lambda r: r["cell"].update(architecture="unet")),
        r"record\.json: cannot be migrated",
    ),
    "a name of half a character": (
        lambda f: edit(f / "grid.json", lambda g: g["losses"][0].update(mask="\ud800")),
        r"grid\.json: cannot be migrated",
    ),
    "deep": (
        lambda f: record_of(f, "unet").write_text("[" * 100_000),
        r"record\.json: cannot be migrated",
    ),
    "scores cut off": (
        lambda f: record_of(f, "unet").with_name("scores.parquet").write_bytes(b"PAR1"),
        r"scores\.parquet: cannot be migrated",
    ),
    "no scores": (
        lambda f: record_of(f, "unet").with_name("scores.parquet").unlink(),
        r"record\.json: holds figures without their scores, which the present format needs; run",
    ),
    "no scores of the consistency": (
        consistency_without_scores,
        r"record\.json: holds figures without their scores",
    ),
    "two cells of one id": (
        copy_of_a_cell,
        r"cells/\w{12}/record\.json: .* is the same experiment as .*cells/\w{12}/record\.json",
    ),
    "a file in the way": (own_file_in_a_new_place, "SHA256SUMS: the present format has something"),
}


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(("spoil", "message"), UNFIT.values(), ids=UNFIT)
def test_a_study_that_cannot_be_migrated_is_left_as_it_was(folder, spoil, message):
    spoil(folder)
    before = contents(folder.parent)
    with pytest.raises(InputError, match=message) as told:
        migrate(folder, study_maker.CONTRACTS)
    assert "\n" not in str(told.value)
    assert contents(folder.parent) == before


def test_a_link_leads_to_the_study_and_stays_a_link(folder):
    link = folder.with_name("link")
    link.symlink_to(folder.name)
    migrate(link, study_maker.CONTRACTS)
    assert link.readlink() == Path(folder.name)
    assert len(Study(folder).load().records) == len(OLD)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["link", "study"]


def test_the_folder_that_one_is_in_is_not_replaced(folder, monkeypatch):
    monkeypatch.chdir(folder)
    before = contents(folder.parent)
    with pytest.raises(InputError, match="study: is replaced as a whole, so call this from outs"):
        migrate(Path(), study_maker.CONTRACTS)
    assert contents(folder.parent) == before


def test_a_folder_that_cannot_be_replaced_stays(folder, monkeypatch):
    def busy(_, path):  # as it is where a file system is mounted
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))

    before = contents(folder.parent)
    monkeypatch.setattr("bench.files._exchange", busy)
    with pytest.raises(InputError, match=r"study: cannot be migrated: .*Device or resource busy"):
        migrate(folder, study_maker.CONTRACTS)
    assert contents(folder.parent) == before


def test_a_folder_that_holds_no_such_study_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no study of format 1"):
        migrate(tmp_path, study_maker.CONTRACTS)
