"""What is in both studies is there once, and the better one is kept."""

from datetime import timedelta

import pytest
import study_maker
from studies_to_merge import CELL, GRID, IOU, measurement, records_of, rewrite_grid
from study_maker import NOW

from bench.errors import InputError
from bench.study import places
from bench.study.merge import merge
from bench.study.results import Race
from bench.study.study import Study


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
