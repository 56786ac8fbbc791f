"""What cannot be compared is not joined."""

import pytest
import study_maker
from studies_to_merge import CELL, GRID, IOU, OTHER_SEEDS, rewrite_grid
from study_maker import CONTRACTS, PROVENANCE

from bench.errors import InputError
from bench.settings.tuning import Tune
from bench.study.merge import merge
from bench.study.study import Study

TUNED = GRID.model_copy(update={"tune": Tune(trials=2, learning_rate=(1e-3, 1e-2))})
TRIAL = next(TUNED.trials())
NEW_CODE = {**PROVENANCE.sources, "unet": {"networks/unet.py": "9" * 64}}


def own_metric(name):
    metrics = study_maker.DIGESTS | {name: "3" * 64}
    return {"metrics": metrics, "summary": {"iou": IOU, name: 0.1}}


DIFFERENT_CELLS = {
    "data": (
        {},
        {"provenance": PROVENANCE.model_copy(update={"data": "else"})},
        "the data changed",
    ),
    "split": (
        {},
        {"provenance": PROVENANCE.model_copy(update={"split": "4567"})},
        "the split changed",
    ),
    "code": (
        {},
        {"provenance": PROVENANCE.model_copy(update={"sources": NEW_CODE})},
        "networks/unet.py changed",
    ),
    "weights": (
        {},
        {"provenance": PROVENANCE.model_copy(update={"weights": {"unet (w: a.pt)": "5" * 64}})},
        r"the weights of unet \(w: a.pt\) changed",
    ),
    "code of a failed cell": (
        {},
        {
            "provenance": PROVENANCE.model_copy(update={"sources": NEW_CODE}),
            "summary": None,
            "failure": "out of memory",
        },
        "networks/unet.py changed",
    ),
    "a figure": ({}, {"summary": {"iou": IOU + 1e-4}}, "iou is (0.5001 and 0.5|0.5 and 0.5001)"),
    "no figure": ({}, {"summary": {}}, "iou is (0.5 and None|None and 0.5)"),
    "the code of a metric": (
        {},
        {"metrics": study_maker.DIGESTS | {"iou": "3" * 64}},
        "iou is computed by other code",
    ),
    "metrics of their own": (
        own_metric("a.py:a"),
        own_metric("b.py:b"),
        r"each has a metric that the other has not; [ab]\.py:[ab] is in the second alone",
    ),
}


@pytest.mark.parametrize("case", DIFFERENT_CELLS)
@pytest.mark.parametrize("order", [1, -1])
def test_the_same_cell_with_something_else_behind_it_is_refused(pair, tmp_path, case, order):
    one, other, why = DIFFERENT_CELLS[case]
    folders = pair(one, other)[::order]
    line = rf"/[ab]/cells/{CELL.id} and .*/[ab]/cells/{CELL.id}: unet · bce · seed 1: cannot be "
    with pytest.raises(InputError, match=f"{line}merged: {why}; delete one") as told:
        merge(folders, tmp_path / "out")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


def test_another_consistency_of_the_same_cell_is_refused(tmp_path):
    for name, rmse in {"a": 0.1, "b": 0.2}.items():
        study = Study(tmp_path / name)
        study.write_grid(GRID, PROVENANCE, CONTRACTS)
        record = study_maker.record(CELL, summary={"iou": IOU}, consistency={"rmse": rmse})
        study.write_cell(record, dict.fromkeys(("scores", "consistency"), study_maker.scores()))
    with pytest.raises(InputError, match=r"the consistency's rmse is 0\.\d and 0\.\d"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out")


def test_another_score_of_the_same_trial_is_refused(make, tmp_path):
    folders = [
        make(name, TUNED, [study_maker.record(TRIAL, val_score=score)])
        for name, score in {"a": 0.5, "b": 0.6}.items()
    ]
    with pytest.raises(InputError, match=rf"/trials/{TRIAL.id} .* validation images is 0\.\d and"):
        merge(folders, tmp_path / "out")


def test_grids_of_one_leaderboard_that_led_to_something_else_are_refused(make, tmp_path):
    one, other = make("a"), make("b", OTHER_SEEDS, [])
    rewrite_grid(other, OTHER_SEEDS, PROVENANCE.model_copy(update={"sources": NEW_CODE}))
    line = r"/a and .*/b: cannot be merged: rows of one leaderboard .*: networks/unet\.py changed; "
    with pytest.raises(InputError, match=line):
        merge([one, other], tmp_path / "out")


def test_a_metric_that_is_computed_otherwise_is_refused_with_both_versions(make, tmp_path):
    one, other = make("a"), make("b", OTHER_SEEDS, [])
    iou = CONTRACTS["iou"].model_copy(update={"version": 9, "source_sha256": "3" * 64})
    rewrite_grid(other, OTHER_SEEDS, metrics=CONTRACTS | {"iou": iou})
    both = r"\w{12} \(version 1\) and 3{12} \(version 9\)"
    line = f"/a and .*/b: .* the metric iou is computed by other code: {both}; run"
    with pytest.raises(InputError, match=line):
        merge([one, other], tmp_path / "out")


def test_many_changes_are_told_in_one_line_that_can_be_read(make, tmp_path):
    many = {"decoding": {f"bench/data/file_{n}.py": f"{n:064}" for n in range(500)}}
    one, other = make("a"), make("b", OTHER_SEEDS, [])
    rewrite_grid(one, provenance=PROVENANCE.model_copy(update={"sources": many}))
    none = {"decoding": {}}
    rewrite_grid(other, OTHER_SEEDS, PROVENANCE.model_copy(update={"sources": none}))
    with pytest.raises(InputError, match=r"file_0\.py is not used any more") as told:
        merge([one, other], tmp_path / "out")
    assert len(str(told.value)) < 1000
