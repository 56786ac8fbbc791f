"""A study that the first version wrote is read, with what that version did not keep unknown.

`format_1` is such a study, cut down to a trivial baseline, one trained cell and one measurement.
"""

import json
import shutil
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


def test_what_was_not_kept_is_not_taken_for_current(folder):
    migrate(folder, study_maker.CONTRACTS)
    results = Study(folder).load()
    cells = list(results.grids[0].grid.cells())
    states = {p.state for p in plan(cells, results, lambda _: study_maker.PROVENANCE) if p.record}
    assert states == {State.STALE}


def test_a_damaged_study_is_left_as_it_was(folder):
    path = next(folder.glob("cells/*/record.json"))
    path.write_text("{")
    before = sorted(file for file in folder.rglob("*"))
    with pytest.raises(InputError, match=r"record\.json: cannot be migrated"):
        migrate(folder, study_maker.CONTRACTS)
    assert sorted(file for file in folder.rglob("*")) == before


def test_a_folder_that_holds_no_such_study_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no study of format 1"):
        migrate(tmp_path, study_maker.CONTRACTS)
