"""Studies of several machines are joined without a loss."""

import json
from datetime import timedelta

import pytest
import study_maker
from studies_to_merge import CELL, GRID, IOU, OTHER_SEEDS, measurement, records_of, rewrite_grid
from study_maker import ENVIRONMENT, NOW, PROVENANCE, contents

from bench.errors import InputError
from bench.execution.threads import threads_for
from bench.settings import Architecture, Data
from bench.study import checksums
from bench.study.merge import merge
from bench.study.record import Provenance
from bench.study.study import Study


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


def test_what_a_cell_folder_holds_besides_is_left_behind(make, tmp_path):
    one = make("a")
    (one / "cells" / CELL.id / "curve.png").write_text("a plot")
    merge([one], tmp_path / "out")
    folder = tmp_path / "out" / "cells" / CELL.id
    assert {path.name for path in folder.iterdir()} == {*checksums.listed(folder), "SHA256SUMS"}
    assert json.loads((folder / "record.json").read_text())["cell"]["seed"] == 1
