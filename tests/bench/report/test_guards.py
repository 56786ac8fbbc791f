"""Planted nonsense is named where it stands, and a sound board raises no alarm."""

import numpy as np
import pytest
import scored_study
import study_maker

from bench.report.marks import STALE
from bench.settings import LossPair
from bench.study.record import Epoch, Leakage, TermScale, Training
from bench.study.study import Study

PIXELS = 4096.0
SELECTED = Epoch(step=3, losses={}, val={"iou": 0.5, "rmse": 0.2}, train_s=1.0, selected=True)
SOUND = Training(
    curve=(
        Epoch(step=1, losses={}, val={"iou": 0.3, "rmse": 0.3}, train_s=1.0),
        Epoch(step=2, losses={}, val={"iou": 0.495, "rmse": 0.205}, train_s=1.0),
        SELECTED,
    ),
    samples_seen=300,
)


def is_planted(cell):
    return cell.architecture.name == "unet" and cell.loss.mask == "bce"


def remarks(folder, planted=scored_study.scores, question=None, **found):
    """All remarks on a board of which one row, or all, is what was planted."""

    def tables(cell):
        return planted(cell) if is_planted(cell) else scored_study.scores(cell)

    study = scored_study.keep(folder, question, tables, **{"training": SOUND} | found)
    (board,) = scored_study.boards(study)
    return [
        *board.remarks,
        *(f"{row.title}: {remark}" for row in board.rows for remark in row.remarks),
    ]


def test_a_sound_board_raises_no_alarm(tmp_path):
    assert remarks(tmp_path) == []


def full(cell):
    return scored_study.scores(cell).assign(
        tp=PIXELS / 5, fp=0.8 * PIXELS, fn=0.0, changed_pixels=0.0
    )


def empty(cell):
    return scored_study.scores(cell).assign(tp=0.0, fp=0.0, fn=PIXELS / 5, changed_pixels=0.0)


def constant(cell):
    return scored_study.scores(cell).assign(
        tp=PIXELS / 10, fp=PIXELS / 10, fn=PIXELS / 10, changed_pixels=2.0
    )


@pytest.mark.parametrize(
    ("planted", "what"),
    [(full, "a full mask"), (empty, "an empty mask"), (constant, "the same mask")],
)
def test_a_mask_that_is_the_same_for_all_images_has_collapsed(tmp_path, planted, what):
    assert remarks(tmp_path, planted) == [
        f"unet, bce: seeds 0, 1, 2, 3: collapsed: {what} for every image"
    ]


def test_a_dead_depth_head_has_collapsed(tmp_path):
    def dead(cell):
        return scored_study.scores(cell).assign(depth_change=0.004 * PIXELS)

    assert remarks(tmp_path, dead) == [
        "unet, bce: seeds 0, 1, 2, 3: collapsed: the same depth for every image"
    ]


def test_whoever_is_right_has_not_collapsed(tmp_path):
    def right(cell):
        table = scored_study.scores(cell)
        noise = np.random.default_rng(cell.seed).uniform(0, 8, len(table))
        return table.assign(
            tp=PIXELS / 5, fp=noise, fn=0.0, changed_pixels=noise, depth_change=0.0, abs_error=10.0
        )

    assert remarks(tmp_path, right) == []


def test_a_figure_is_of_the_seeds_that_trained_and_counts_those_that_did_not(tmp_path):
    study = scored_study.keep(
        tmp_path,
        tables=lambda c: full(c) if is_planted(c) and c.seed == 1 else scored_study.scores(c),
    )
    (board,) = scored_study.boards(study)
    row = next(row for row in board.rows if row.title == "unet, bce")
    others = [r.summary["iou"] for r in row.records if r.cell.seed != 1]
    estimate = row.figures["iou"]
    assert estimate.mean == pytest.approx(np.mean(others))
    assert (estimate.collapsed, row.figures["rmse"].collapsed) == (1, 0)
    assert "(1 of 4 collapsed)" in scored_study.text(study)


def test_a_row_that_never_trained_is_shown_and_not_ranked(tmp_path):
    study = scored_study.keep(
        tmp_path, tables=lambda c: full(c) if is_planted(c) else scored_study.scores(c)
    )
    (board,) = scored_study.boards(study)
    row = next(row for row in board.rows if row.title == "unet, bce")
    assert row.figures["iou"].mean == pytest.approx(0.2)
    assert row.figures["iou"].rank is None
    assert "(collapsed)" in scored_study.text(study)


def test_two_cells_that_predict_the_same_are_told(tmp_path):
    twin = next(c for c in scored_study.grid().cells() if c.loss is not None and c.seed == 1)

    def copied(cell):
        return scored_study.scores(twin if cell.seed == 0 else cell)

    assert remarks(tmp_path, copied) == [
        "the same mask predictions: unet, bce, seed 0 and unet, bce, seed 1",
        "the same depth predictions: unet, bce, seed 0 and unet, bce, seed 1",
    ]


def test_a_training_that_ended_while_it_improved_is_told(tmp_path):
    curve = (*SOUND.curve[:2], SELECTED.model_copy(update={"val": {"iou": 0.55, "rmse": 0.2}}))
    (first, *_) = remarks(tmp_path, training=SOUND.model_copy(update={"curve": curve}))
    assert first == (
        "unet, bce: seeds 0, 1, 2, 3: not converged: IoU on validation still improving at the "
        "last epoch"
    )


def test_a_training_whose_best_epoch_was_earlier_has_converged(tmp_path):
    curve = (SELECTED, *SOUND.curve[1:2])
    assert remarks(tmp_path, training=SOUND.model_copy(update={"curve": curve})) == []


def terms_of(*scales):
    """A training's record of terms of the mask's loss, each (name, first value, last value)."""
    return SOUND.model_copy(
        update={
            "terms": tuple(
                TermScale(stage=0, task="mask", term=name, start=start, end=end)
                for name, start, end in scales
            )
        }
    )


def test_a_term_less_than_a_tenth_of_another_is_told(tmp_path):
    training = terms_of(("bce", 1.0, 0.5), ("dice", 1.0, 0.01))
    assert remarks(tmp_path, training=training)[0] == (
        "unet, bce: seeds 0, 1, 2, 3: dice is less than a tenth of bce in the loss of the mask: "
        "another weight, or `balance: equal_scale`, would let it count"
    )


@pytest.mark.parametrize(
    ("loss", "l1", "told"),
    [
        ("0.1*l1 + ssim", 0.03, False),  # a 33rd of ssim, and a third without the weight
        ("0.1*l1 + ssim", 0.008, True),  # a 12th without the weight
        ("l1 + ssim(window=7)", 0.03, True),
        ("0.001*l1 + ssim", 0.0005, True),  # as was written; it hardly counts at all
        ({"mask": "l1 + ssim", "balance": "equal_scale"}, 0.03, False),
    ],
)
def test_what_the_weight_of_a_term_asks_for_is_told_only_where_it_hardly_counts(
    tmp_path, loss, l1, told
):
    question = scored_study.grid(losses=(LossPair.model_validate(loss),))
    ssim = "ssim(window=7)" if "window" in str(loss) else "ssim"
    training = terms_of(("l1", l1, l1), (ssim, 1.0, 1.0))
    found = remarks(tmp_path, question=question, training=training)
    assert bool(found) is told


def test_test_images_that_are_training_images_are_told(tmp_path):
    leakage = Leakage(groups={"background": 1.0}, same_images=0.1, near_duplicates=0.0)
    assert remarks(tmp_path, leakage=leakage) == ["10% of the test images are training images"]


def test_what_training_knew_of_the_test_images_stands_on_every_board(tmp_path):
    leakage = Leakage(
        groups={"background": 1.0, "foreground": 0.0}, same_images=0.0, near_duplicates=0.25
    )
    text = scored_study.text(scored_study.keep(tmp_path, leakage=leakage))
    assert (
        "- leakage: test images that share a group with training images: 100% by background; none "
        "shares its foreground; 25% have a near-duplicate on another background"
    ) in text


def test_unequal_budgets_are_told(tmp_path):
    question = scored_study.grid()
    study = scored_study.keep(tmp_path, question, training=SOUND)
    cell = next(c for c in question.cells() if c.loss is not None)
    more = SOUND.model_copy(update={"samples_seen": 317})  # a batch of 16 and one more
    results = study.load()
    tables = {name: results.scores(cell.id, name) for name in ("scores", "values")}
    study.write_cell(results.records[cell.id].model_copy(update={"training": more}), tables)
    (board,) = scored_study.boards(study)
    assert board.remarks[0].startswith("unequal budgets, in training images seen: ")
    assert "317 by unet, bce" in board.remarks[0]


def test_a_row_that_validation_prefers_and_the_test_images_do_not_is_told(tmp_path):
    question = scored_study.grid()
    study = scored_study.keep(tmp_path, question, training=SOUND)
    results = study.load()
    for cell in question.cells():
        if cell.loss is not None and cell.architecture.name == "densenet":
            curve = (*SOUND.curve[:2], SELECTED.model_copy(update={"val": {"iou": 0.505}}))
            training = SOUND.model_copy(update={"curve": curve})
            tables = {name: results.scores(cell.id, name) for name in ("scores", "values")}
            record = results.records[cell.id].model_copy(update={"training": training})
            study.write_cell(record, tables)
    (board,) = scored_study.boards(study)
    (remark,) = board.remarks
    assert remark == (
        "densenet, bce has the best IoU on the validation images and certainly not on the test "
        "images"
    )


def test_what_a_second_task_costs_is_told_where_the_grid_holds_single_ones(tmp_path):
    losses = (LossPair(mask="bce", depth="bce"), LossPair(mask="bce"), LossPair(depth="bce"))
    question = scored_study.grid(losses=losses)

    def tables(cell):
        mean = 0.7 if None in {cell.loss.mask, cell.loss.depth} else 0.6
        table = scored_study.scores(cell, mean=mean, seed_noise=0.001)
        if cell.loss.mask is None:
            return table.drop(columns=["tp", "fp", "fn", "mask_pixels", "changed_pixels"])
        if cell.loss.depth is None:
            return table.drop(columns=["squared_error", "depth_pixels", "abs_error"])
        return table

    study = study_maker.keep_scored(scored_study.Study(tmp_path), question, tables, training=SOUND)
    text = scored_study.text(study)
    section = text[text.index("## Both tasks at once") :].split("\n\n")[1]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines()[2:]]
    changes = {(line[0], line[2]): float(line[3].split()[0]) for line in lines}
    assert len(lines) == len(changes) == 4
    assert changes["unet", "IoU ↑"] == pytest.approx(-0.1, abs=0.01)
    assert changes["unet", "RMSE ↓"] == pytest.approx(0.05, abs=0.005)


def test_a_collapsed_seed_does_not_make_validation_disagree(tmp_path):
    def is_collapsed(cell):
        return is_planted(cell) and cell.seed == 0

    def training(cell):
        iou = 0.2 if is_collapsed(cell) else scored_study.level(cell)
        last = SELECTED.model_copy(update={"val": {"iou": iou, "rmse": 0.2}})
        return Training(curve=(last,), samples_seen=300)

    question, study = scored_study.grid(), Study(tmp_path)
    scored_study.keep(
        tmp_path, question, lambda c: full(c) if is_collapsed(c) else scored_study.scores(c)
    )
    for record in study.load().records.values():
        tables = {name: study.load().scores(record.cell.id, name) for name in ("scores", "values")}
        study.write_cell(record.model_copy(update={"training": training(record.cell)}), tables)
    (board,) = scored_study.boards(study)
    assert board.remarks == ()


def test_a_row_without_the_values_of_a_seed_says_why_it_has_no_rank(tmp_path):
    study = scored_study.keep(tmp_path)
    cell = next(c for c in scored_study.grid().cells() if c.loss is not None and is_planted(c))
    (tmp_path / "cells" / cell.id / "values.parquet").write_bytes(b"damaged")
    (board,) = scored_study.boards(study)
    (row,) = (row for row in board.rows if row.title == "unet, bce")
    assert row.figures["iou"].rank is None
    assert row.remarks == (
        "seed 0: no values of images can be read, so the row has no interval and no rank",
    )


def test_one_test_image_shows_no_collapse(tmp_path):
    study = scored_study.keep(
        tmp_path, tables=lambda cell: constant(cell).head(1).assign(depth_change=0.0)
    )
    (board,) = scored_study.boards(study)
    assert all(not row.remarks for row in board.rows)


def test_a_stale_row_says_of_how_many_seeds_some_collapsed(tmp_path):
    full = {"tp": 4096 / 5, "fp": 0.8 * 4096, "fn": 0.0, "changed_pixels": 0.0}

    def tables(cell):
        found = scored_study.scores(cell)
        return found.assign(**full) if (cell.seed, cell.architecture.name) == (2, "unet") else found

    study = scored_study.keep(tmp_path, tables=tables)
    changed = study_maker.PROVENANCE.sources | {"unet": {"networks/unet.py": "9" * 64}}
    provenance = study_maker.PROVENANCE.model_copy(update={"sources": changed})
    study.write_grid(scored_study.grid(), provenance, study_maker.CONTRACTS)
    shown = scored_study.text(study).splitlines()
    line = next(line for line in shown if line.startswith("| unet ") and f"bce {STALE}" in line)
    assert "(1 of 4 collapsed)" in line
