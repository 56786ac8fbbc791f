"""Columns that say nothing are not shown, and costs of small networks are not shown as zero."""

import pytest
import small_board

from bench.report import markdown
from bench.report.cell_texts import cost, score
from bench.settings import LossPair


def header(text):
    """The headings of the first table."""
    line = next(line for line in text.splitlines() if line.startswith("| architecture"))
    return [cell.strip() for cell in line.split("|")[1:-1]]


@pytest.mark.parametrize(
    ("losses", "shown", "hidden"),
    [
        (LossPair(mask="bce"), "IoU ↑", "RMSE ↓"),
        (LossPair(depth="bce"), "RMSE ↓", "IoU ↑"),
    ],
)
def test_a_study_of_one_task_has_no_column_of_the_other(tmp_path, losses, shown, hidden):
    grid = small_board.GRID.model_copy(update={"losses": (losses,)})
    text = markdown.render("mine", [small_board.board(small_board.keep(tmp_path, grid))], {})
    assert shown in header(text)
    assert hidden not in text
    assert ("Depth lies between 0 and 1" in text) == (shown == "RMSE ↓")


def test_the_scores_of_what_is_to_be_trained_are_shown_before_there_are_any(tmp_path):
    everything = [(*row, seed) for row in small_board.MIDDLE for seed in (0, 1, 2)]
    study = small_board.keep(tmp_path, left_out=everything, timed=False)
    text = markdown.render("mine", [small_board.board(study)], {})
    assert header(text) == ["architecture", "loss", "seeds", "IoU ↑", "RMSE ↓"]


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (2.0869, 2, "2.09"),
        (0.000586, 2, "0.00059"),  # 586 parameters, in millions
        (0.0014, 2, "0.0014"),
        (0.0987, 2, "0.099"),
        (0.55, 2, "0.55"),
        (891.4, 0, "891"),
        (9.4, 0, "9.4"),
        (0.04, 1, "0.040"),
        (0.0, 2, "0.00"),
    ],
)
def test_a_small_cost_shows_two_digits_and_a_large_one_its_decimals(value, decimals, shown):
    assert cost(value, decimals) == shown


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.58, 0.0123], ["0.5800", "0.0123"]),
        ([12.34567, 0.5], ["12.3457", "0.5000"]),
        ([8473.1959, 3199.1278], ["8473.20", "3199.13"]),
        ([804260.6966, 10206277.7089], ["804261", "10206278"]),
    ],
)
def test_a_score_far_from_its_usual_size_shows_no_decimals_that_say_nothing(values, shown):
    assert score(values, 4) == shown


def test_a_small_network_shows_what_it_takes(tmp_path):
    text = markdown.render("mine", [small_board.board(small_board.keep(tmp_path))], {})
    further = text.partition("Further columns of these rows:")[2].splitlines()
    row = next(line for line in further if line.startswith("| densenet"))
    assert [cell.strip() for cell in row.split("|")[3:-1]] == [
        "**120**",
        "**0.00059**",
        "**0.0014**",
    ]
    assert "0.00 " not in text


def test_trivial_rows_are_not_repeated_where_they_have_no_figure(tmp_path):
    text = markdown.render("mine", [small_board.board(small_board.keep(tmp_path))], {})
    first, _, further = text.partition("**Bold**")[0].partition("Further columns of these rows:")
    assert "empty mask" in first
    assert "unet" in further
    assert "empty mask" not in further
