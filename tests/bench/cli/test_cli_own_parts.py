"""`bench check` of losses and metrics, and `bench rescore`: what is printed, and the exit code."""

from pathlib import Path

import faulty_losses
import pytest
import scored_study
import typer

from bench.cli.check import check
from bench.cli.report import report
from bench.cli.rescore import rescore
from bench.errors import InputError
from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.study.study import Study

FAULTY = Path(faulty_losses.__file__)
METRIC = """
from bench.evaluation.metric import metric

@metric(label="share", task="mask", reads=("tp", "mask_pixels"), higher_is_better=True, decimals=3)
def share(sums):
    return sums["tp"] / sums["mask_pixels"]
"""


@pytest.fixture
def study(tmp_path):
    """Four cells, by their sums alone."""
    question = scored_study.grid(seeds=(0,))
    return scored_study.keep(tmp_path / "study", question).folder


def test_a_faulty_loss_is_exit_code_1_and_a_sound_one_is_none(capsys):
    check(f"{FAULTY}:sound", ["factor=2"])
    assert capsys.readouterr().out.endswith("nothing failed\n")
    with pytest.raises(typer.Exit) as ended:
        check(f"{FAULTY}:ignores_valid")
    assert ended.value.exit_code == 1
    assert capsys.readouterr().out.endswith("failed: invalid pixels\n")


def test_a_metric_is_checked_and_takes_no_options(capsys):
    check("iou")
    assert capsys.readouterr().out.endswith("nothing failed\n")
    with pytest.raises(InputError, match="iou is a metric, which takes none"):
        check("iou", ["width=2"])


def test_metrics_that_came_later_are_computed_and_what_is_left_out_is_listed(
    study, tmp_path, capsys
):
    (tmp_path / "mine.py").write_text(METRIC)
    rescore(study, f"dice, {tmp_path / 'mine.py'}:share", "cpu")
    assert capsys.readouterr().out == (
        "4 cells have further figures from their sums, 0 from their weights; "
        f"`bench report {study}` shows them\n"
    )
    rescore(study, "dice", "cpu")
    assert capsys.readouterr().out == (
        "nothing to compute: the cells have these figures already; "
        f"`bench report {study}` shows them\n"
    )
    (board,) = leaderboards(Study(study).load())
    assert [column.key for column in board.columns[:4]] == ["iou", "rmse", "dice", "mine.py:share"]
    for row in board.rows:
        # A fifth of the image is object, and there is no false alarm: 2 IoU / (1 + IoU), image by
        # image, and IoU / 5.
        scores = Study(study).load().scores(row.records[0].cell.id)
        iou = scores["tp"] / (scores["tp"] + scores["fn"])
        assert row.figures["dice"].mean == pytest.approx((2 * iou / (1 + iou)).mean())
        assert row.figures["mine.py:share"].mean == pytest.approx(iou.mean() / 5)
    with pytest.raises(typer.Exit) as ended:
        rescore(study, "delta1,mae", "cpu")
    assert ended.value.exit_code == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(": not computed: its weights were not kept" in line for line in lines[:4])
    assert lines[4].startswith("0 cells have further figures from their sums, 0 from their weights")


def test_a_leaderboard_that_was_written_is_written_anew_with_the_metrics_that_came_later(
    study, capsys
):
    report(study)
    rescore(study, "dice", "cpu")
    assert capsys.readouterr().out.endswith(f"written to {study / 'leaderboard.md'}\n")
    results = Study(study).load()
    text = (study / "leaderboard.md").read_text()
    assert text == markdown.render("study", leaderboards(results), results.damaged)
    assert "Dice" in text
    rescore(study, "dice", "cpu")
    assert "written to" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ("dise", r"^metrics: unknown metric 'dise'; did you mean 'dice'\? "),
        ("lost.py:x", r"^metrics: lost\.py:x: there is no Python file lost\.py "),
        (
            "{folder}/a/m.py:share,{folder}/b/m.py:share",
            r"^--metrics: two differ in the folders of",
        ),
        (" , ", r"^--metrics: name one, as in --metrics pooled_iou,path/to/file\.py:NAME$"),
    ],
)
def test_a_metric_that_there_is_not_or_not_one_is_one_line(study, names, line, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.py").write_text(METRIC)
    with pytest.raises(InputError, match=line):
        rescore(study, names.format(folder=tmp_path), "cpu")


def test_a_metric_of_what_no_cell_predicts_is_refused(tmp_path):
    mask_alone = scored_study.LossPair(mask="bce")
    question = scored_study.grid(losses=(mask_alone,), seeds=(0,))
    study = scored_study.keep(tmp_path / "study", question).folder
    with pytest.raises(InputError, match=r"^--metrics: rmse is about depth, which no cell of "):
        rescore(study, "rmse", "cpu")
