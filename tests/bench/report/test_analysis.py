"""What stands beside a mean on a board follows from the values of the images alone."""

import numpy as np
import pytest
import scored_study
import study_maker
from scipy import stats

from bench.settings import Data, Split
from bench.study.record import Leakage


def figures(board, title, key="iou"):
    return next(row for row in board.rows if row.title == title).figures[key]


def test_rows_that_differ_for_certain_have_ranks_and_letters_of_their_own(tmp_path):
    (board,) = scored_study.boards(scored_study.keep(tmp_path))
    found = [(row.title, row.figures["iou"].rank, row.figures["iou"].letters) for row in board.rows]
    assert found == [
        ("unet, bce", (1, 1), "a"),
        ("densenet, bce", (2, 2), "b"),
        ("unet, l1", (3, 3), "c"),
        ("densenet, l1", (4, 4), "d"),
    ]
    assert [row.figures["iou"].best for row in board.rows] == [True, False, False, False]


def test_rows_that_are_alike_share_ranks_and_letters(tmp_path):
    study = scored_study.keep(tmp_path, tables=lambda c: scored_study.scores(c, mean=0.6))
    (board,) = scored_study.boards(study)
    for row in board.rows:
        assert row.figures["iou"].rank == (1, 4)
        assert row.figures["iou"].letters == "a"
        assert row.figures["iou"].best


def test_a_single_seed_is_of_this_checkpoint_and_not_ranked(tmp_path):
    study = scored_study.keep(tmp_path, scored_study.grid(seeds=(0,)))
    (board,) = scored_study.boards(study)
    assert all(row.figures["iou"].interval.of_checkpoint for row in board.rows)
    assert all(row.figures["iou"].rank is None for row in board.rows)
    assert not any(row.figures["iou"].best for row in board.rows)
    text = scored_study.text(study)
    assert "nothing can be said of a recipe and no row is ranked" in text
    # The images alone: Student's t of 59 degrees of freedom.
    cell = next(c for c in scored_study.grid(seeds=(0,)).cells() if c.loss is not None)
    values = scored_study.scores(cell)["tp"] / (4096 / 5)
    half = stats.t.ppf(0.975, 59) * values.std(ddof=1) / np.sqrt(60)
    assert figures(board, "unet, bce").interval.half_width == pytest.approx(half, rel=1e-6)


def test_a_row_of_which_a_seed_is_missing_is_not_ranked(tmp_path):
    question = scored_study.grid()
    study = scored_study.keep(tmp_path, question)
    lost = next(c for c in question.cells() if c.loss is not None and c.seed == 3)
    for file in (path := tmp_path / "cells" / lost.id).iterdir():
        file.unlink()
    path.rmdir()
    (board,) = scored_study.boards(study)
    row = next(row for row in board.rows if row.title == "unet, bce")
    assert row.figures["iou"].interval is not None
    assert row.figures["iou"].rank is None
    assert sorted(r.figures["iou"].rank[0] for r in board.rows if r is not row) == [1, 2, 3]


@pytest.mark.parametrize(
    ("split", "leakage", "apart"),
    [
        (Split(), None, ()),
        (Split(by="background"), None, ("background",)),
        (Split(by="both"), None, ("background", "foreground")),
        (
            Split(file="split.csv"),
            Leakage(groups={"background": 0, "foreground": 0.5}, same_images=0, near_duplicates=0),
            ("background",),
        ),
    ],
)
def test_images_count_by_the_groups_that_are_new_to_training(tmp_path, split, leakage, apart):
    groups = {
        "group_background": [f"b{n // 6}" for n in range(60)],
        "group_foreground": [f"f{n % 6}" for n in range(60)],
    }
    by_group = np.repeat(np.random.default_rng(5).normal(0, 0.1, 10), 6)

    def tables(cell):
        one = scored_study.scores(cell, **groups)
        iou = (one["tp"] / (4096 / 5) + by_group).clip(0, 1)
        return study_maker.sums(iou, (1 - iou) / 2, **groups)

    question = scored_study.grid(data=Data(archive=("a.zip",), split=split))
    study = scored_study.keep(tmp_path / "study", question, tables, leakage=leakage)
    (board,) = scored_study.boards(study)
    found = board.analyses["iou"]
    assert found.kept_apart == apart
    independent = found.panel.__class__(found.panel.rows)
    wider = found.intervals[0].spread.image_variance / independent.image_variance(np.eye(4)[0])
    # Six images of a group that share what moves them are little more than one.
    assert wider > 3 if apart else wider == 1


def test_rows_scored_on_different_images_have_no_interval(tmp_path):
    def tables(cell):
        table = scored_study.scores(cell)
        return table.assign(key=[f"x{key}" for key in table["key"]]) if cell.seed == 2 else table

    (board,) = scored_study.boards(scored_study.keep(tmp_path, tables=tables))
    assert board.analyses["iou"] == "the rows were scored on different images"
    assert all(row.figures["iou"].interval is None for row in board.rows)
    assert not any(row.figures["iou"].best for row in board.rows)


def test_images_without_a_reading_are_left_out_of_every_row(tmp_path):
    def tables(cell):
        table = scored_study.scores(cell)
        table.loc[:9, ["depth_pixels", "squared_error"]] = 0
        return table

    (board,) = scored_study.boards(scored_study.keep(tmp_path, tables=tables))
    assert board.analyses["rmse"].panel.images == 50
    assert board.analyses["iou"].panel.images == 60


def test_images_that_only_some_rows_have_a_value_of_are_no_common_ground(tmp_path):
    def tables(cell):
        table = scored_study.scores(cell)
        if cell.architecture.name == "unet":
            table.loc[:9, ["depth_pixels", "squared_error"]] = 0
        return table

    (board,) = scored_study.boards(scored_study.keep(tmp_path, tables=tables))
    assert board.analyses["rmse"].startswith("some rows have no value on images on which others")


def test_the_same_records_give_the_same_report(tmp_path):
    study = scored_study.keep(tmp_path)
    assert scored_study.text(study) == scored_study.text(study)


def test_the_legend_names_what_an_interval_is_of(tmp_path):
    by_sample = scored_study.text(scored_study.keep(tmp_path / "one"))
    assert "on the same training images and tested on other images drawn like these" in by_sample
    assert "(4 seeds, 60 images)" in by_sample
    # Clopper and Pearson, one-sided: 1 - 0.05 ** (1 / 4)
    assert "may still collapse in up to 53% of its trainings" in by_sample
    groups = {"group_background": [f"b{n // 6}" for n in range(60)]}
    question = scored_study.grid(data=Data(archive=("a.zip",), split=Split(by="background")))
    study = scored_study.keep(
        tmp_path / "two", question, lambda cell: scored_study.scores(cell, **groups)
    )
    assert "tested on other images, of other backgrounds," in scored_study.text(study)


def test_what_may_still_collapse_is_told_by_the_number_of_seeds(tmp_path):
    scored_study.keep(tmp_path, scored_study.grid(seeds=(0, 1, 2)))
    more = scored_study.grid(architectures=("unet",), losses=("bce",), seeds=tuple(range(10)))
    text = scored_study.text(scored_study.keep(tmp_path, more))
    assert "may still collapse in up to 63% (3 seeds) or 26% (10 seeds) of its trainings" in text


def test_an_image_without_a_group_is_a_group_of_its_own(tmp_path):
    scenes = [f"s{n // 10}" if n < 40 else "" for n in range(60)]
    leakage = Leakage(groups={"scene": 0}, same_images=0, near_duplicates=0)
    question = scored_study.grid(data=Data(archive=("a.zip",), split=Split(file="split.csv")))
    study = scored_study.keep(
        tmp_path,
        question,
        lambda cell: scored_study.scores(cell, group_scene=scenes),
        leakage=leakage,
    )
    (board,) = scored_study.boards(study)
    (groups,) = board.analyses["iou"].panel.groups
    assert len(set(groups)) == 4 + 20


def test_why_there_is_no_interval_is_told(tmp_path):
    question = scored_study.grid(data=Data(archive=("a.zip",), split=Split(by="background")))
    study = scored_study.keep(
        tmp_path, question, lambda cell: scored_study.scores(cell, group_background=["b"] * 60)
    )
    assert "No ±: all test images have the same background" in scored_study.text(study)


def test_damaged_values_are_told_and_leave_the_collapsed_apart(tmp_path):
    question = scored_study.grid()
    study = scored_study.keep(tmp_path, question)
    cell = next(c for c in question.cells() if c.loss is not None)
    (tmp_path / "cells" / cell.id / "values.parquet").write_bytes(b"PAR1")
    (board,) = scored_study.boards(study)
    row = next(row for row in board.rows if row.title == "unet, bce")
    assert row.figures["iou"].rank is None
    assert row.remarks == (
        "seed 0: no values of images can be read, so the row has no interval and no rank",
    )
