"""`bench compare` of two studies is a gate for continuous integration."""

import sys

import numpy as np
import pytest
import scored_study

from bench.cli import main
from bench.settings import Train
from bench.study.bundle import bundle

IMAGES = np.random.default_rng(0).normal(0, 0.05, 60)


def worse(cell):
    """Scores that are lower by 0.05 than those of `scored_study.scores`, on every image."""
    table = scored_study.scores(cell)
    return table.assign(tp=table["tp"] - 0.05 * 4096 / 5, fn=table["fn"] + 0.05 * 4096 / 5)


def other_noise(cell):
    """Scores of the same level whose seeds differ by chance."""
    chance = np.random.default_rng([9, *cell.id.encode()]).normal(0, 0.01)
    return scored_study.scores(cell, scored_study.level(cell) + chance)


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A study, the same again, a worse one, one that differs by chance, a row less, other rows."""
    folder = tmp_path_factory.mktemp("studies")
    scored_study.keep(folder / "before")
    scored_study.keep(folder / "same")
    scored_study.keep(folder / "worse", tables=worse)
    scored_study.keep(folder / "chance", tables=other_noise)
    scored_study.keep(folder / "less", scored_study.grid(losses=("bce",)))
    scored_study.keep(folder / "others", scored_study.grid(architectures=("autoencoder",)))
    bundle(folder / "worse", folder / "worse.zip", version="0.1.0")
    return folder


@pytest.fixture
def bench(studies, monkeypatch, capsys):
    """Run the command line beside the studies; gives exit code, output and errors."""
    monkeypatch.chdir(studies)

    def bench(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return bench


GATE = ("--fail-if", "iou < -0.01", "--fail-if", "rmse > 0.01")


def test_equal_studies_pass(bench):
    code, said, told = bench("compare", "before", "same", *GATE)
    assert (code, told) == (0, "")
    assert "complete cells that both have: 16" in said
    assert "Settings, data, split, code, weights, packages and machine are the same" in said
    assert said.count("+0.000 ± 0.000 | the same |") == 4
    assert "The same: equal to the last digit on every image." in said
    assert "`iou < -0.01`: passed: 0 failed, 0 undecided, 4 passed" in said


@pytest.mark.parametrize("study", ["worse", "worse.zip"])
def test_a_worse_study_fails_by_its_rows_also_as_a_bundle(bench, study):
    code, said, told = bench("compare", "before", study, *GATE)
    assert (code, told) == (1, "")
    gate = said.split("## Gate")[1]
    assert "`iou < -0.01`: FAILED: 4 failed" in gate
    assert "failed: unet, bce: -0.050 ± 0.000" in gate
    assert "`rmse > 0.01`: passed" in gate


def test_without_a_condition_nothing_fails(bench):
    assert bench("compare", "before", "worse")[0] == 0


def test_chance_passes(bench):
    code, said, _ = bench("compare", "before", "chance", *GATE)
    assert code == 0
    assert " 0 failed" in said.split("## Gate")[1]


def test_a_row_that_is_missing_fails(bench):
    code, said, _ = bench("compare", "before", "less", *GATE)
    assert code == 1
    assert "failed: unet, l1: B has no such row" in said.split("## Gate")[1]
    assert "only in A: 8: " in said


def test_studies_that_share_no_row_are_told_so_and_pass_no_gate(bench):
    code, said, _ = bench("compare", "before", "others")
    assert code == 0
    assert "complete cells that both have: 0" in said
    assert "No row has complete cells in both, so that nothing is compared." in said
    assert "are the same in both" not in said
    code, said, _ = bench("compare", "before", "others", *GATE)
    assert code == 1
    assert "`iou < -0.01`: FAILED: 4 failed, 0 undecided, 0 passed" in said


def test_of_other_settings_it_is_told_which_though_no_row_is_shared(studies, bench):
    longer = scored_study.grid(architectures=("autoencoder",), train=Train(epochs=4))
    scored_study.keep(studies / "longer", longer)
    _, said, _ = bench("compare", "before", "longer")
    assert "No row has complete cells in both" in said
    assert "| train.0.epochs | 3   | 4   |" in said
    assert "code of" not in said


def test_what_was_not_measured_in_either_study_fails(bench):
    code, said, _ = bench("compare", "before", "same", "--fail-if", "latency_ms > 10%")
    assert code == 1
    assert "nothing could be compared" in said


def test_one_metric_alone_is_shown(bench):
    _, said, _ = bench("compare", "before", "worse", "--metric", "rmse")
    assert "## RMSE" in said
    assert "## IoU" not in said


def test_what_is_too_small_to_matter_is_equal_between_studies(bench):
    _, said, _ = bench("compare", "before", "worse", "--metric", "iou", "--equal", "iou=0.06")
    assert said.count("equal |") == 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("before", "nowhere"), "nowhere: no such study; give its folder or bundle, or two rows"),
        (("before", "same", "--fail-if", "iuo < 0"), "no metric iuo; did you mean 'iou'"),
        (("before", "same", "--equal", "iuo=1"), "--equal: iuo: the studies share no such metric"),
        (("before", "unet/bce", "unet/l1", *GATE), "--fail-if: is for two studies"),
    ],
)
def test_a_mistake_in_a_comparison_is_one_line_and_exit_code_2(bench, arguments, told):
    code, said, error = bench("compare", *arguments)
    assert (code, said) == (2, "")
    assert told in error
    assert error.count("\n") == 1
