"""Scores by a column of the test images are means over the images of each stratum."""

import numpy as np
import pytest
import scored_study
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import InputError
from bench.report.strata import stratified
from bench.settings import LossPair


def iou_of(cell):
    """Each image's IoU, read off the scores."""
    return scored_study.scores(cell)["tp"] / (4096 / 5)


def test_strata_are_means_over_their_images(tmp_path):
    kinds = ["1" if n % 3 == 0 else "0" for n in range(60)]
    scored_study.keep(tmp_path, tables=lambda cell: scored_study.scores(cell, group_mirrored=kinds))
    ran = CliRunner().invoke(app, ["report", str(tmp_path), "--strata", "mirrored"])
    assert ran.exit_code == 0
    text = (tmp_path / "by-mirrored.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith("| unet         | bce"))
    found = [float(cell.split()[0]) for cell in line.split("|")[3:5]]
    cells = [c for c in scored_study.grid().cells() if c.architecture.name == "unet"]
    iou = np.stack([iou_of(cell) for cell in cells if cell.loss and cell.loss.mask == "bce"])
    is_one = np.array(kinds) == "1"
    assert found == pytest.approx([iou[:, ~is_one].mean(), iou[:, is_one].mean()], abs=5e-4)
    assert [cell.strip() for cell in text.split("| images")[1].split("|")[2:4]] == ["40", "20"]


def test_object_sizes_are_cut_into_thirds(tmp_path):
    sizes = np.linspace(100, 700, 60)

    def tables(cell):
        table = scored_study.scores(cell)
        return table.assign(tp=sizes, fn=0.0, fp=100.0)

    scored_study.keep(tmp_path, tables=tables)
    ran = CliRunner().invoke(app, ["report", str(tmp_path), "--strata", "object_size"])
    assert ran.exit_code == 0
    text = (tmp_path / "by-object_size.md").read_text()
    assert "low (0.0244 to" in text  # 100 of 4096 pixels
    assert [cell.strip() for cell in text.split("| images")[1].split("|")[2:5]] == ["20"] * 3


def test_an_unknown_stratum_is_told_and_nothing_is_written(tmp_path):
    scored_study.keep(tmp_path)
    ran = CliRunner().invoke(app, ["report", str(tmp_path), "--strata", "object_siz"])
    assert isinstance(ran.exception, InputError)
    assert "did you mean 'object_size'" in str(ran.exception)
    assert not (tmp_path / "leaderboard.md").exists()


def test_numbers_of_an_archive_are_cut_into_thirds_and_rare_names_stand_together(tmp_path):
    distance = [str(n / 10) for n in range(60)]
    names = [f"n{min(n, 20)}" for n in range(60)]
    scored_study.keep(
        tmp_path,
        tables=lambda cell: scored_study.scores(cell, group_distance=distance, group_name=names),
    )
    ran = CliRunner().invoke(
        app, ["report", str(tmp_path), "--strata", "distance", "--strata", "name"]
    )
    assert ran.exit_code == 0
    text = (tmp_path / "by-distance.md").read_text()
    assert [cell.strip() for cell in text.split("| images")[1].split("|")[2:5]] == ["20"] * 3
    text = (tmp_path / "by-name.md").read_text()
    assert "9 others" in text  # of 21 names, twelve have columns of their own
    counts = [int(cell) for cell in text.split("| images")[1].split("\n")[0].split("|")[2:-1]]
    assert sum(counts) == 60


def test_equal_values_are_of_one_stratum_and_none_is_empty(tmp_path):
    """Half of the images hold no object: they are more than a third, and stand together."""
    sizes = np.where(np.arange(60) < 30, 0.0, np.linspace(100, 700, 60))

    def tables(cell):
        return scored_study.scores(cell).assign(tp=sizes, fn=0.0, fp=100.0)

    board = scored_study.boards(scored_study.keep(tmp_path, tables=tables))[0]
    assert list(stratified(board, "object_size")[0].counts.items()) == [
        ("low (0)", 30),
        ("middle (0.0989 to 0.121)", 10),  # of 4096 pixels: 100 + 600 * 30/59, * 39/59
        ("high (0.124 to 0.171)", 20),
    ]


def test_two_thirds_of_equal_values_leave_two_strata(tmp_path):
    sizes = np.where(np.arange(60) < 50, 0.0, np.linspace(100, 700, 60))

    def tables(cell):
        return scored_study.scores(cell).assign(tp=sizes, fn=0.0, fp=100.0)

    board = scored_study.boards(scored_study.keep(tmp_path, tables=tables))[0]
    assert list(stratified(board, "object_size")[0].counts.values()) == [50, 10]


def test_a_few_numbers_stand_in_their_order(tmp_path):
    floors = [str(n % 12) for n in range(60)]
    scored_study.keep(tmp_path, tables=lambda cell: scored_study.scores(cell, group_floor=floors))
    board = scored_study.boards(scored_study.Study(tmp_path))[0]
    assert list(stratified(board, "floor")[0].counts) == [str(n) for n in range(12)]


def test_rows_of_one_task_each_have_the_strata_of_both(tmp_path):
    """The first cell knows of masks alone; what is known of depth is in another one's scores."""
    of_mask = {"mask_pixels", "tp", "fp", "fn", "predicted_boundary", "target_boundary_hits"}
    question = scored_study.grid(losses=(LossPair(mask="bce"), LossPair(depth="l1")))

    def tables(cell):
        found = scored_study.scores(cell, mean=0.6)
        others = set(found) - of_mask - {"key", "changed_pixels"}
        return found.drop(columns=list(others if cell.tasks == ("mask",) else of_mask & set(found)))

    board = scored_study.boards(scored_study.keep(tmp_path, question, tables))[0]
    assert {"object_size", "depth"} <= set(board.images)


def test_objects_of_one_size_are_one_stratum(tmp_path):
    def tables(cell):
        return scored_study.scores(cell).assign(tp=500.0, fn=0.0, fp=100.0)

    board = scored_study.boards(scored_study.keep(tmp_path, tables=tables))[0]
    assert stratified(board, "object_size")[0].counts == {"all (0.122)": 60}


def test_a_column_without_any_value_has_no_strata(tmp_path):
    def tables(cell):
        return scored_study.scores(cell).assign(depth_pixels=0.0, target_depth=0.0)

    board = scored_study.boards(scored_study.keep(tmp_path, tables=tables))[0]
    assert all(one.counts == {} for one in stratified(board, "depth"))
    ran = CliRunner().invoke(app, ["report", str(tmp_path), "--format", "html"])
    assert ran.exit_code == 0
