"""A reader gets one line for each cause, whatever number of rows and seeds it is about."""

import io

import pytest
import scored_study
from rich.console import Console

from bench.report.board_remarks import board_remarks
from bench.report.terminal import print_leaderboard
from bench.study.record import Epoch, Training

CAUSE = "not converged: IoU on validation still improving at the last epoch"


def training(cell):
    """A training that ended while it improved, but for one seed of one network."""
    gain = 0.0 if (cell.architecture.name, cell.seed) == ("unet", 0) else 0.1
    first = Epoch(step=1, losses={}, val={"iou": 0.5}, train_s=1.0)
    last = Epoch(step=2, losses={}, val={"iou": 0.5 + gain}, train_s=1.0, selected=True)
    return Training(curve=(first, last), samples_seen=300)


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    study = scored_study.keep(tmp_path_factory.mktemp("remarks"))
    results = study.load()
    for record in results.records.values():
        tables = {name: results.scores(record.cell.id, name) for name in ("scores", "values")}
        study.write_cell(record.model_copy(update={"training": training(record.cell)}), tables)
    (found,) = scored_study.boards(study)
    return found


def test_a_cause_is_one_line_that_names_its_rows_and_their_seeds(board):
    improving, missing, *_ = board_remarks(board, (*board.rows, *board.baselines))
    assert improving == (
        f"{CAUSE}: unet, bce (seeds 1, 2, 3); densenet, bce (seeds 0, 1, 2, 3); "
        "unet, l1 (seeds 1, 2, 3); densenet, l1 (seeds 0, 1, 2, 3)"
    )
    assert missing.startswith("not run yet: empty mask (seed 0); full mask (seed 0); difference")


def test_the_terminal_names_the_first_rows_and_counts_the_others(board):
    console = Console(width=400, file=io.StringIO())
    print_leaderboard(console, "study", [board], {})
    (line,) = [one for one in console.file.getvalue().splitlines() if CAUSE in one]
    assert line.endswith("; unet, l1 (seeds 1, 2, 3); and 1 more")


def test_of_rows_that_are_not_shown_nothing_is_said(board):
    assert next(board_remarks(board, board.rows[:1])) == f"{CAUSE}: unet, bce (seeds 1, 2, 3)"
