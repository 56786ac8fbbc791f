"""Where no row is ranked, a report and `bench power` give the reason that is true."""

import pytest
import scored_study
import study_maker
from typer.testing import CliRunner

from bench.cli import app
from bench.report.answer import answer
from bench.settings import Data, Split
from bench.study.study import Study

TWO_SEEDS = scored_study.grid(seeds=(0, 1))
ONE_GROUP = "all test images have the same background, so that nothing can be said of others"
STALE = study_maker.PROVENANCE.model_copy(
    update={"sources": {"unet": {"networks/unet.py": "f" * 64}}}
)


def scores(cell):
    return scored_study.scores(cell, mean=0.6)


def not_trained(folder):
    return study_maker.keep(Study(folder), TWO_SEEDS, [])


def stale(folder):
    question = scored_study.grid(architectures=("unet",), seeds=(0, 1))
    study = scored_study.keep(folder, question, provenance=STALE)
    study.write_grid(question, study_maker.PROVENANCE, study_maker.CONTRACTS)
    return study


def of_one_background(folder):
    by_background = Data(archive=("a.zip",), split=Split(by="background"))
    question = scored_study.grid(architectures=("unet",), seeds=(0, 1), data=by_background)
    return scored_study.keep(
        folder, question, lambda cell: scored_study.scores(cell, group_background=["b"] * 60)
    )


def pooled(folder):
    metrics = ("pooled_iou",)
    question = scored_study.grid(architectures=("unet",), seeds=(0, 1), metrics=metrics)
    return scored_study.keep(folder, question)


REASONS = [
    (not_trained, "no network is trained yet"),
    (stale, "every figure is stale"),
    (of_one_background, ONE_GROUP),
    (pooled, "pooled IoU is one figure over the pixels of all images"),
]


@pytest.mark.parametrize(("make", "why"), REASONS)
def test_why_there_is_no_interval_is_said_and_nothing_that_is_not_so(tmp_path, make, why):
    text = scored_study.text(make(tmp_path))
    assert f"No ±: {why}." in text
    assert "no score is ranked" in text
    assert "single seed" not in text
    assert "seeds are missing" not in text


@pytest.mark.parametrize(("make", "why"), REASONS)
def test_power_gives_the_same_reason(tmp_path, make, why):
    make(tmp_path)
    ran = CliRunner().invoke(app, ["power", str(tmp_path)], env={"COLUMNS": "200"})
    assert ran.output
    assert all(
        line.startswith("no row is ranked by ") and line.endswith(f": {why}")
        for line in ran.output.splitlines()
    )


def test_power_passes_over_a_metric_by_which_no_row_is_ranked_and_says_why(tmp_path):
    scored_study.keep(
        tmp_path, TWO_SEEDS, lambda c: scored_study.constant(c) if c.seed else scores(c)
    )
    ran = CliRunner().invoke(app, ["power", str(tmp_path)])
    first, rest = ran.output.split("\n", 1)
    assert first == "no row is ranked by IoU: all seeds but one collapsed, where two are needed"
    assert "RMSE" in rest
    assert "no row is ranked by RMSE" not in rest


def test_a_report_counts_the_rows_of_each_reason(tmp_path):
    def tables(cell):
        is_collapsed = cell.loss.mask == "l1" or cell.seed == 1
        return scored_study.constant(cell) if is_collapsed else scores(cell)

    question = scored_study.grid(seeds=(0, 1), metrics=("iou",))
    (board,) = scored_study.boards(scored_study.keep(tmp_path, question, tables))
    (sentence,) = answer(board)
    assert sentence == (
        "No row is ranked by IoU: all seeds but one collapsed, where two are needed (2 of 4 rows), "
        "every seed collapsed (2 of 4 rows)."
    )
