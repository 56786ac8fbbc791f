"""The sentences at the top of a report say what the intervals support, and no more."""

import re
import shutil

import numpy as np
import pytest
import scored_study
from typer.testing import CliRunner

from bench.cli import app
from bench.report.answer import answer
from bench.report.factorial import factorial


def said(folder, tables=scored_study.scores, question=None):
    (board,) = scored_study.boards(scored_study.keep(folder, question, tables))
    return answer(board)


def test_one_row_leads_with_its_interval_and_the_loss_matters_more(tmp_path):
    (board,) = scored_study.boards(scored_study.keep(tmp_path))
    leaders, sources = answer(board)
    iou, rmse = (board.analyses[name].intervals[0] for name in ("iou", "rmse"))
    assert leaders == (
        f"unet with bce ({iou.estimate:.3f} ± {iou.half_width:.3f}) has the best IoU; "
        f"unet with bce ({rmse.estimate:.4f} ± {rmse.half_width:.4f}) has the best RMSE "
        "(4 seeds, 60 images)."
    )
    assert sources.startswith("The loss explains ")
    assert sources.endswith(": the loss matters more.")


def test_rows_that_cannot_be_told_apart_lead_together(tmp_path):
    leaders, _, left_open = said(tmp_path, lambda c: scored_study.scores(c, mean=0.6))
    assert leaders.startswith("unet with bce (") or " and " in leaders
    assert "lead in IoU and cannot be told apart" in leaders
    assert "would tell" in left_open


def test_who_leads_the_ranked_rows_is_said_to_lead_no_others(tmp_path):
    """A row that lacks a seed may be better, and is compared with none."""
    question = scored_study.grid()
    study = scored_study.keep(tmp_path, question)
    lost = next(c for c in question.cells() if c.loss is not None and c.seed == 3)
    shutil.rmtree(tmp_path / "cells" / lost.id)
    (board,) = scored_study.boards(study)
    said = re.sub(r" \([^)]*±[^)]*\)", "", answer(board)[0])
    assert said.startswith(
        "densenet with bce has the best IoU of the 3 ranked rows; densenet with bce has the best "
        "RMSE of the 3 ranked rows"
    )


def test_where_noise_is_all_nothing_is_said_to_matter_more(tmp_path):
    _, sources, *_ = said(tmp_path, lambda c: scored_study.scores(c, mean=0.6, seed_noise=0.05))
    assert sources.endswith(": which of the two matters more is open.")


def test_single_seeds_answer_nothing(tmp_path):
    (sentence,) = said(tmp_path, question=scored_study.grid(seeds=(0,)))
    assert sentence.startswith("Each row is a single seed")


def test_shares_of_a_run_are_those_that_were_planted(tmp_path):
    """Steps of 0.1 and 0.2 between two architectures and two losses: squares of 1 to 4."""
    (board,) = scored_study.boards(scored_study.keep(tmp_path))
    shares = factorial(board, board.analyses["iou"]).shares_of_a_run()
    assert shares["architecture"].estimate == pytest.approx(0.2, abs=0.05)
    assert shares["loss"].estimate == pytest.approx(0.8, abs=0.05)
    assert sum(share.estimate for share in shares.values()) == pytest.approx(1)
    for share in shares.values():
        assert 0 <= share.low <= share.estimate <= share.high <= 1


def test_effects_are_differences_from_the_mean_of_all(tmp_path):
    (board,) = scored_study.boards(scored_study.keep(tmp_path))
    effects = factorial(board, board.analyses["iou"]).effects("loss")
    assert effects["bce"].estimate == pytest.approx(0.1, abs=0.02)
    assert effects["l1"].estimate == pytest.approx(-effects["bce"].estimate)
    means = board.analyses["iou"].panel.means
    assert np.mean(means) == pytest.approx(0.65, abs=0.03)


def test_the_answer_stands_at_the_top_of_the_report_and_on_the_terminal(tmp_path):
    scored_study.keep(tmp_path)
    printed = CliRunner().invoke(app, ["report", str(tmp_path)]).output
    written = (tmp_path / "leaderboard.md").read_text()
    assert "> unet with bce (0.802 ± " in written.split("- data:")[0]
    assert "unet with bce (0.802 ± " in " ".join(printed.split())


def test_the_count_of_images_is_of_every_metric_that_is_named(tmp_path):
    """Five images have no reading of depth."""

    def tables(cell):
        found = scored_study.scores(cell)
        found.loc[found.index[55:], [c for c in found if "depth" in c or "error" in c]] = 0
        return found

    assert said(tmp_path, tables)[0].endswith("(4 seeds, 55 to 60 images).")
