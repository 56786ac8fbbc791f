from datetime import UTC, datetime

import pandas as pd
import pytest

from bench.errors import InputError
from bench.evaluation.metrics import Summary
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Cell, Grid
from bench.study.measurement import Measurement, Timing, TimingCase
from bench.study.record import Environment, Record, SampleCounts
from bench.study.study import Study

GRID = Grid(
    architectures=(Architecture(name="unet"),),
    losses=(LossPair(mask="bce", depth="bce"),),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=1),
)
SCORES = pd.DataFrame({"key": ["a", "b"], "tp": [1, 2]})


@pytest.fixture
def record():
    return Record(
        cell=next(GRID.cells()),
        split_digest="d",
        samples=SampleCounts(train=6, val=1, test=3),
        environment=Environment(
            commit=None,
            python="3.11",
            packages={},
            platform="p",
            device="cpu",
            device_name="n",
            threads=2,
        ),
        started_utc=datetime(2026, 1, 1, tzinfo=UTC),
        finished_utc=datetime(2026, 1, 1, tzinfo=UTC),
        summary=Summary(images=2, iou=1 / 3, rmse=0.1),
    )


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "study")


def test_what_is_appended_is_read_back_exactly(study, record):
    study.append(record, SCORES)
    assert study.finished() == {record.cell.id}
    assert study.read(record.cell.id) == record
    pd.testing.assert_frame_equal(study.read_scores(record.cell.id), SCORES)


def test_a_cell_cut_off_while_it_is_written_does_not_exist(study, record, monkeypatch):
    def cut_off(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", cut_off)
    with pytest.raises(KeyboardInterrupt):
        study.append(record, SCORES)
    assert study.finished() == set()
    assert list((study.folder / "cells").iterdir()) == []


def test_a_leftover_of_a_killed_run_is_no_cell(study, record):
    study.append(record, SCORES)
    (study.folder / "cells" / ".0123-killed").mkdir()
    assert study.finished() == {record.cell.id}


def test_the_first_of_two_runs_that_finish_a_cell_wins(study, record):
    study.append(record, SCORES)
    study.append(record.model_copy(update={"split_digest": "other"}), SCORES)
    assert study.read(record.cell.id).split_digest == "d"
    assert [path.name for path in (study.folder / "cells").iterdir()] == [record.cell.id]


def test_the_grid_is_read_back(study):
    study.write_grid(GRID)
    assert study.read_grid() == GRID
    assert [path.name for path in study.folder.iterdir()] == ["grid.json"]


def test_a_folder_without_a_study_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no study; give the folder that `bench run` wrote"):
        Study(tmp_path).read_grid()


def test_a_damaged_record_is_named(study, record):
    study.append(record, None)
    path = study.folder / "cells" / record.cell.id / "record.json"
    path.write_text(path.read_text()[:50])
    with pytest.raises(InputError, match="delete the folder to run the cell again"):
        study.read(record.cell.id)


def test_a_cell_keeps_its_id_when_it_is_written_and_read():
    cell: Cell = next(GRID.cells())
    text = cell.model_dump_json()
    assert Cell.model_validate_json(text).id == cell.id


@pytest.fixture
def measured(record):
    return Measurement(
        case=TimingCase(
            architecture=record.cell.architecture,
            loss=record.cell.loss,
            recipe=record.cell.train.recipes()[-1],
            image_size=(64, 64),
        ),
        environment=record.environment,
        measured_utc=record.started_utc,
        inference=Timing.of([[0.1, 1 / 3], [0.2]]),
    )


def test_a_measurement_is_read_back_exactly_and_can_be_replaced_and_forgotten(study, measured):
    assert study.read_throughput() == {}
    study.append_throughput(measured)
    assert study.read_throughput() == {measured.case.id: measured}
    again = measured.model_copy(update={"failure": "out of memory"})
    study.append_throughput(again)
    assert study.read_throughput() == {measured.case.id: again}
    study.remove_throughput(measured.case.id)
    assert study.read_throughput() == {}


def test_a_measurement_cut_off_while_it_is_written_does_not_exist(study, measured, monkeypatch):
    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", cut_off)
    with pytest.raises(KeyboardInterrupt):
        study.append_throughput(measured)
    assert study.read_throughput() == {}
    assert list((study.folder / "throughput").iterdir()) == []


def test_a_damaged_measurement_is_named(study, measured):
    study.append_throughput(measured)
    (path,) = (study.folder / "throughput").iterdir()
    path.write_text(path.read_text()[:50])
    with pytest.raises(InputError, match=r"\.json: cannot be read; delete it to measure again"):
        study.read_throughput()


def test_a_record_holds_no_throughput_unless_it_is_of_an_earlier_version(study, record):
    study.append(record, None)
    path = study.folder / "cells" / record.cell.id / "record.json"
    assert "throughput" not in path.read_text()
