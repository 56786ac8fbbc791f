import errno
import json
import subprocess

import pandas as pd
import pytest
import study_maker

from bench.errors import InputError
from bench.report.frames import Frames
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study import checksums, places
from bench.study.measurement import Measurement
from bench.study.record import Record
from bench.study.study import Study
from bench.study.timing_case import TimingCase

GRID = Grid(
    architectures=(Architecture(name="unet"),),
    losses=(LossPair(mask="bce", depth="bce"),),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=1),
)
CELL = list(GRID.cells())[-1]
SCORES = study_maker.scores(tp=[1, 2])


@pytest.fixture
def record():
    return study_maker.record(CELL, summary={"iou": 1 / 3, "rmse": 0.1})


@pytest.fixture
def study(tmp_path):
    study = Study(tmp_path / "study")
    study.write_grid(GRID, study_maker.PROVENANCE, study_maker.CONTRACTS)
    return study


def test_what_is_written_is_read_back_exactly(study, record):
    study.write_cell(record, {places.SCORES: SCORES})
    results = study.load()
    assert results.records == {CELL.id: record}
    assert results.grids[0].grid == GRID
    pd.testing.assert_frame_equal(results.scores(CELL.id), SCORES)


def test_a_cell_cut_off_while_it_is_written_does_not_exist(study, record, monkeypatch):
    def cut_off(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", cut_off)
    with pytest.raises(KeyboardInterrupt):
        study.write_cell(record, {places.SCORES: SCORES})
    assert study.load().records == {}
    assert list((study.folder / "cells").iterdir()) == []


def test_a_leftover_of_a_killed_run_is_no_cell(study, record):
    study.write_cell(record, {places.SCORES: SCORES})
    (study.folder / "cells" / ".0123-killed").mkdir()
    results = study.load()
    assert (set(results.records), results.damaged) == ({CELL.id}, {})


def test_a_cell_that_is_run_again_replaces_what_was_there(study, record):
    study.write_cell(record, {places.SCORES: SCORES})
    again = record.model_copy(update={"summary": None, "failure": "out of memory"})
    study.write_cell(again, {})
    assert study.load().records == {CELL.id: again}
    assert [path.name for path in (study.folder / "cells").iterdir()] == [CELL.id]


def test_every_grid_that_was_run_is_kept_the_latest_first(study):
    other = GRID.model_copy(update={"seeds": (1, 2)})
    study.write_grid(other, study_maker.PROVENANCE, study_maker.CONTRACTS)
    assert [stored.grid for stored in study.load().grids] == [other, GRID]


def test_a_grid_whose_archive_was_moved_replaces_itself(study):
    moved = GRID.model_copy(update={"data": Data(archive=("elsewhere/a.zip",))})
    study.write_grid(moved, study_maker.PROVENANCE, study_maker.CONTRACTS)
    assert [stored.grid for stored in study.load().grids] == [moved]


def test_a_grid_for_which_the_disk_has_no_room_is_told_in_a_line_and_stays(study, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    (stored,) = study.load().grids
    monkeypatch.setattr(checksums, "write", full)
    with pytest.raises(InputError) as error:
        study.replace_grid(stored, stored)
    assert str(error.value).startswith(
        f"{study.folder}: cannot be written to: No space left on device; all that was finished"
    )
    assert study.load().grids == (stored,)


def test_a_folder_without_a_study_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no study; give the folder that `bench run` wrote"):
        Study(tmp_path).load()


def test_a_study_of_an_earlier_format_is_named_with_what_to_do(tmp_path):
    (tmp_path / "grid.json").write_text("{}")
    for read in (Study(tmp_path).load, Study(tmp_path).load_or_empty):
        with pytest.raises(InputError, match=f"of format 1; `bench migrate {tmp_path}` first"):
            read()


def damage(study, place, change):
    """Change a JSON file as an edit by hand does."""
    (path,) = study.folder.glob(place)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return study.load().damaged


def test_one_broken_record_is_told_and_the_rest_is_read(study, record):
    study.write_cell(record, {places.SCORES: SCORES})
    baseline = study_maker.record(next(GRID.cells()), summary={"iou": 0.0})
    study.write_cell(baseline, {places.SCORES: SCORES})
    path = study.folder / "cells" / CELL.id / "record.json"
    path.write_text(path.read_text()[:50])
    results = study.load()
    assert set(results.records) == {baseline.cell.id}
    assert results.damaged == {f"cells/{CELL.id}": "record.json: was changed after it was written"}


def test_an_edited_figure_is_damage(study, record):
    study.write_cell(record, {places.SCORES: SCORES})

    def edit(content):
        content["summary"]["iou"] = 0.9

    damaged = damage(study, f"cells/{CELL.id}/record.json", edit)
    assert damaged[f"cells/{CELL.id}"] == "record.json: was changed after it was written"


def test_swapped_folders_are_damage(study, record):
    study.write_cell(record, {places.SCORES: SCORES})
    baseline = study_maker.record(next(GRID.cells()), summary={"iou": 0.0})
    study.write_cell(baseline, {places.SCORES: SCORES})
    cells = study.folder / "cells"
    one, other = cells / CELL.id, cells / baseline.cell.id
    one.rename(cells / "aside")
    other.rename(one)
    (cells / "aside").rename(other)
    assert study.load().damaged == {
        f"cells/{CELL.id}": f"holds what belongs to {baseline.cell.id}",
        f"cells/{baseline.cell.id}": f"holds what belongs to {CELL.id}",
    }


def test_a_complete_cell_without_its_scores_is_damage(study, record):
    study.write_cell(record, {places.SCORES: SCORES})
    (study.folder / "cells" / CELL.id / "scores.parquet").unlink()
    assert study.load().damaged == {f"cells/{CELL.id}": "scores.parquet: is not there"}


@pytest.mark.parametrize(
    ("summary", "why"),
    [
        ({"iou": 7.5}, "iou cannot be 7.5"),
        ({"iou": -0.1}, "iou cannot be -0.1"),
        ({"rmse": -1.0}, "rmse cannot be -1.0"),
    ],
)
def test_a_figure_beyond_its_metrics_range_is_damage(study, summary, why):
    study.write_cell(study_maker.record(CELL, summary=summary), {places.SCORES: SCORES})
    assert study.load().damaged == {f"cells/{CELL.id}": f"record.json: {why}"}


@pytest.mark.parametrize(
    "summary", ['{"iou": NaN}', '{"iou": 1e999}', '{"iou": null}', '{"nobody_knows": 1}', "null"]
)
def test_a_record_whose_summary_makes_no_sense_is_no_record(record, summary):
    content = json.loads(record.model_dump_json())
    text = json.dumps(content | {"summary": 0}).replace('"summary": 0', f'"summary": {summary}')
    with pytest.raises(ValueError, match="summary"):
        Record.model_validate_json(text)


def test_damaged_scores_are_named_when_they_are_read(study, record):
    study.write_cell(record, {places.SCORES: SCORES})
    path = study.folder / "cells" / CELL.id / "scores.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"scores\.parquet: was changed .* delete the folder to"):
        study.load().scores(CELL.id)


def test_values_that_are_lost_are_named_and_not_taken_for_values_that_never_were(study, record):
    study.write_cell(record, {places.SCORES: SCORES, places.VALUES: SCORES[["key"]]})
    (study.folder / "cells" / CELL.id / "values.parquet").unlink()
    with pytest.raises(InputError, match=r"values\.parquet: cannot be read .* delete the folder"):
        _ = Frames(study.load()).values  # noqa: PD011 - a table of the study


@pytest.mark.parametrize("table", ["scores", "values"])
def test_of_a_study_that_was_moved_no_rows_are_left_out_and_nothing_is_to_be_deleted(
    study, record, table
):
    study.write_cell(record, {places.SCORES: SCORES, places.VALUES: SCORES[["key"]]})
    frames = Frames(study.load())
    study.folder.rename(study.folder.with_name("elsewhere"))
    with pytest.raises(InputError, match=rf"{CELL.id}: has been moved or deleted since") as error:
        getattr(frames, table)
    assert "delete the folder" not in str(error.value)


@pytest.fixture
def measured(record):
    return Measurement(
        case=TimingCase(
            architecture=record.cell.architecture,
            trainings=({"loss": record.cell.loss},),
            recipe=record.cell.train.recipes()[-1],
            image_size=(64, 64),
        ),
        environment=record.environment,
        measured_utc=record.started_utc,
        timings={"inference": study_maker.timing([0.1, 1 / 3], [0.2], cpu_share=1 / 7)},
    )


def test_a_measurement_is_read_back_exactly_and_can_be_replaced(study, measured):
    study.write_measurement(measured)
    assert study.load().measurements == {measured.id: measured}
    again = measured.model_copy(update={"failure": "out of memory"})
    study.write_measurement(again)
    assert study.load().measurements == {measured.id: again}


def test_another_machines_measurement_is_another_one(study, measured):
    elsewhere = study_maker.ENVIRONMENT.model_copy(update={"threads": 4})
    other = measured.model_copy(update={"environment": elsewhere})
    study.write_measurement(measured)
    study.write_measurement(other)
    assert study.load().measurements == {measured.id: measured, other.id: other}


def test_a_measurement_cut_off_while_it_is_written_does_not_exist(study, measured, monkeypatch):
    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", cut_off)
    with pytest.raises(KeyboardInterrupt):
        study.write_measurement(measured)
    assert study.load().measurements == {}
    assert list((study.folder / "throughput").iterdir()) == []


def test_an_edited_or_swapped_measurement_is_damage(study, measured):
    study.write_measurement(measured)

    def edit(content):
        content["timings"]["inference"]["rounds"][0]["blocks"][0]["runs_s"] = [0.01]

    damaged = damage(study, "throughput/*/measurement.json", edit)
    assert list(damaged.values()) == ["measurement.json: was changed after it was written"]
    study.write_measurement(measured)
    (folder,) = (study.folder / "throughput").iterdir()
    folder.rename(folder.with_name("0123"))
    assert study.load().damaged == {"throughput/0123": f"holds what belongs to {measured.id}"}


def test_the_checksums_are_those_of_sha256sum(study, record):
    study.write_cell(record, {places.SCORES: SCORES})
    folder = study.folder / "cells" / CELL.id
    subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],  # noqa: S607
        cwd=folder,
        check=True,
    )
