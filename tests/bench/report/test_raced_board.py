"""A raced board ranks the rows that stayed by the race's metric alone, and says why others left."""

import numpy as np
import pandas as pd
import pytest
import study_maker

from bench.errors import InputError
from bench.report.answer import answer
from bench.report.compare import compare
from bench.report.factorial import factorial
from bench.report.leaderboard import leaderboards
from bench.report.race import raced
from bench.report.setting import setting
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study import places
from bench.study.results import Race
from bench.study.study import Study

NAMES = ("unet", "densenet", "autoencoder")
LOSSES = (LossPair(mask="bce", depth="bce"), LossPair(mask="bce", depth="l1"))
IMAGES = 60
RACE = Race(metric="iou", looks=(2, 3, 5))
# (IoU, RMSE) of each network: the one of the worst IoU has the best RMSE
WORTH = {"unet": (0.9, 0.3), "densenet": (0.9, 0.3), "autoencoder": (0.2, 0.1)}


def grid(**settings):
    content = {
        "architectures": tuple(Architecture(name=name) for name in NAMES),
        "losses": LOSSES,
        "seeds": (0, 1, 2, 3, 4),
        "data": Data(archive=("a.zip",)),
        "train": Train(epochs=3),
    }
    return Grid(**content | settings)


def keep(study, question, race=None, seeds=None):
    """Keep a grid, and of each network so many of its seeds; all by default."""
    study.write_grid(question, study_maker.PROVENANCE, study_maker.CONTRACTS, race=race)
    keys = [str(number) for number in range(IMAGES)]
    for number, cell in enumerate(c for c in question.cells() if c.loss is not None):
        if seeds is not None and cell.seed >= seeds[cell.architecture.name]:
            continue
        rng = np.random.default_rng(number)
        iou, rmse = WORTH[cell.architecture.name]
        noise = 0.01 * rng.standard_normal((2, IMAGES)) + 0.005 * rng.standard_normal((2, 1))
        values = pd.DataFrame({"key": keys, "iou": iou + noise[0], "rmse": rmse + noise[1]})
        summary = {name: float(values[name].mean()) for name in ("iou", "rmse")}
        tables = {places.SCORES: pd.DataFrame({"key": keys}), places.VALUES: values}
        study.write_cell(study_maker.record(cell, summary=summary), tables)
    return study


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "study")


def board_of(study):
    (board,) = leaderboards(study.load())
    return board


SPARED = {"unet": 5, "densenet": 5, "autoencoder": 2}


def test_ranks_are_of_those_who_stayed_and_by_the_races_metric_alone(study):
    board = board_of(keep(study, grid(), RACE, SPARED))
    assert [(row.architecture, row.seeds, row.asked) for row in board.rows[4:]] == [
        ("autoencoder", 2, 5)
    ] * 2
    assert all(row.figures["iou"].rank is not None for row in board.rows[:4])
    assert all(row.figures["iou"].rank is None for row in board.rows[4:])
    assert all(row.figures["rmse"].rank is None for row in board.rows)
    assert not any(row.figures["rmse"].best for row in board.rows)
    assert all(row.figures["rmse"].interval is not None for row in board.rows)
    said = " ".join(answer(board))
    assert "IoU" in said
    assert "RMSE" not in said


def test_no_effects_are_told_of_rows_that_were_chosen_by_their_figures(study):
    column = next(c for c in board_of(keep(study, grid(), RACE, SPARED)).columns if c.key == "iou")
    board = board_of(study)
    assert factorial(board, board.analysis(column)) is None
    full = board_of(keep(Study(study.folder.parent / "full"), grid()))
    assert factorial(full, full.analysis(column)) is not None


def test_a_row_that_is_out_says_so_once_and_one_that_waits_is_not_out(study):
    board = board_of(keep(study, grid(), RACE, SPARED | {"unet": 2, "densenet": 2}))
    remarks = {(row.architecture, row.loss): row.remarks for row in board.rows}
    assert remarks["unet", "bce"] == ("seeds 2, 3, 4: not run yet",)
    (out,) = remarks["autoencoder", "bce"]
    assert out.startswith("seeds 2, 3, 4: out of the race after 2 seeds: ")
    assert out.endswith(" is better (error 2 %)")


def test_the_only_row_that_is_left_lacks_nothing(study):
    question = grid(architectures=(Architecture(name="unet"), Architecture(name="autoencoder")))
    question = question.model_copy(update={"losses": LOSSES[:1]})
    waiting = board_of(keep(study, question, RACE, dict.fromkeys(SPARED, 1)))
    assert {row.remarks for row in waiting.rows} == {("seeds 1, 2, 3, 4: not run yet",)}
    over = board_of(keep(study, question, RACE, dict.fromkeys(SPARED, 2)))
    best, other = over.rows
    assert (best.architecture, best.seeds, best.asked, best.remarks) == ("unet", 2, 2, ())
    assert best.figures["iou"].rank == (1, 1)
    assert (other.architecture, other.seeds, other.asked) == ("autoencoder", 2, 5)
    assert "race: after 2 seeds 1 of 2 rows went on" in setting(over)


def test_a_later_grid_without_a_race_asks_for_all_seeds(study):
    keep(study, grid(), RACE, SPARED)
    board = board_of(keep(study, grid(), None, SPARED))
    assert [row.remarks for row in board.rows[4:]] == [("seeds 2, 3, 4: not run yet",)] * 2
    assert not any("race" in line for line in setting(board))


def test_rows_of_another_grid_that_was_raced_are_still_out(study):
    keep(
        study,
        grid(architectures=(Architecture(name="unet"), Architecture(name="autoencoder"))),
        RACE,
        SPARED,
    )
    board = board_of(keep(study, grid(architectures=(Architecture(name="densenet"),))))
    assert [row.architecture for row in board.rows[4:]] == ["autoencoder"] * 2
    assert all("out of the race after 2 seeds" in row.remarks[0] for row in board.rows[4:])
    # Of the latest grid, whose two rows are alike.
    assert "10 of these 10 runs" in raced(board)


def test_a_full_design_tells_what_a_race_would_have_spared(study):
    # Four rows with 5 seeds, two with 2.
    assert raced(board_of(keep(study, grid()))) == (
        "A race for seeds by IoU would have trained 24 of these 30 runs, and kept the ranked row "
        "with the best IoU"
    )


def test_what_a_race_would_have_spared_is_told_of_full_designs_alone(study):
    assert raced(board_of(keep(study, grid(), RACE, SPARED))) is None
    assert raced(board_of(keep(study, grid(), None, SPARED))) is None
    two = Study(study.folder.parent / "two")
    assert raced(board_of(keep(two, grid(seeds=(0, 1))))) is None
    one = Study(study.folder.parent / "one")
    single = grid(architectures=(Architecture(name="unet"),), losses=LOSSES[:1])
    assert raced(board_of(keep(one, single))) is None


def test_a_stored_grid_keeps_how_it_was_raced(study):
    keep(study, grid(), RACE, SPARED)
    assert [stored.race for stored in study.load().grids] == [RACE]
    keep(study, grid(), None, SPARED)
    assert [stored.race for stored in study.load().grids] == [None]


def test_losses_over_rows_with_seeds_chosen_by_their_scores_are_not_compared(study):
    boards = [board_of(keep(study, grid(), RACE, SPARED))]
    with pytest.raises(InputError, match="compare two rows"):
        compare(boards, "unet", "autoencoder")
    assert all(one.was_raced for one in compare(boards, "unet/bce", "autoencoder/bce"))
