"""The leaderboard as one table: what stands in it, and that it reads back as it was written."""

import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import small_board

import bench
from bench.report import board_frame as module
from bench.report.board_frame import as_csv, as_json, as_parquet, board_frame
from bench.report.frames import Frames
from bench.report.leaderboard import leaderboards
from bench.report.selection import EVERYTHING, Selection
from bench.study.study import Study
from bench.study.timing import PROCESSES

PUBLISHED = Path(bench.__file__).parent.parent / "results" / "published"

COSTS = ["inference_images_per_s", "peak_memory_mib", "parameters_m", "forward_gflop"]
OF_A_METRIC = [
    "_seeds",
    "_collapsed",
    "_sd",
    "_low",
    "_high",
    "_half_width",
    "_of_one_seed",
    "_rank_low",
    "_rank_high",
    "_ties",
    "_below_baseline",
    "_best",
]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A seed of (unet, l1) is missing, so that the row has no rank."""
    folder = tmp_path_factory.mktemp("frame") / "mine"
    return small_board.keep(folder, left_out=[("unet", "l1", 2)])


@pytest.fixture(scope="module")
def frame(study):
    return board_frame(EVERYTHING.of(leaderboards(study.load())))


@pytest.fixture(scope="module")
def quick_frames():
    return Frames(Study(PUBLISHED / "quick").load())


def row(frame, architecture, loss):
    found = frame[(frame.architecture == architecture) & (frame.loss == loss)]
    assert len(found) == 1
    return found.iloc[0].to_dict()


def test_a_row_has_its_figures_unrounded(frame):
    found = row(frame, "unet", "bce")
    assert found | {"remarks": None} == {
        "board": 0,
        "architecture": "unet",
        "loss": "bce",
        "seeds": 3,
        "asked": 3,
        "ranked": True,
        "stale": False,
        "iou": pytest.approx(0.9, rel=1e-12),
        "iou_seeds": 3,
        "iou_collapsed": 0,
        "iou_sd": pytest.approx(0.01, rel=1e-9),
        "iou_low": pytest.approx(0.9 - small_board.HALF_WIDTH, rel=1e-9),
        "iou_high": pytest.approx(0.9 + small_board.HALF_WIDTH, rel=1e-9),
        "iou_half_width": pytest.approx(small_board.HALF_WIDTH, rel=1e-9),
        "iou_of_one_seed": False,
        "iou_rank_low": 1,
        "iou_rank_high": 1,
        "iou_ties": "a",
        "iou_below_baseline": False,
        "iou_best": True,
        "rmse": pytest.approx(0.3, rel=1e-12),
        "rmse_seeds": 3,
        "rmse_collapsed": 0,
        "rmse_sd": pytest.approx(0.01, rel=1e-9),
        "rmse_low": pytest.approx(0.3 - small_board.HALF_WIDTH, rel=1e-9),
        "rmse_high": pytest.approx(0.3 + small_board.HALF_WIDTH, rel=1e-9),
        "rmse_half_width": pytest.approx(small_board.HALF_WIDTH, rel=1e-9),
        "rmse_of_one_seed": False,
        "rmse_rank_low": 2,
        "rmse_rank_high": 2,
        "rmse_ties": "b",
        "rmse_below_baseline": False,
        "rmse_best": False,
        "inference_images_per_s": pytest.approx(1600),  # 16 images in 0.01 s
        "inference_images_per_s_low": pytest.approx(1600 / (1 + PROCESSES)),
        "inference_images_per_s_high": pytest.approx(1600 * (1 + PROCESSES)),
        "inference_images_per_s_half_width": pytest.approx(
            800 * (1 + PROCESSES - 1 / (1 + PROCESSES))
        ),
        "inference_images_per_s_best": True,
        "peak_memory_mib": 500,
        "peak_memory_mib_best": False,
        "parameters_m": 2.09,
        "parameters_m_best": False,
        "forward_gflop": 0.55,
        "forward_gflop_best": False,
        "remarks": None,
    }
    assert row(frame, "densenet", "bce")["parameters_m"] == 0.000586


def test_a_row_without_all_its_seeds_has_an_interval_and_no_rank_and_says_why(frame):
    found = row(frame, "unet", "l1")
    assert (found["seeds"], found["asked"], found["ranked"], found["iou_seeds"]) == (2, 3, False, 2)
    assert found["iou"] == pytest.approx(0.595)  # of 0.59 and 0.6
    assert found["iou_low"] < 0.595 < found["iou_high"]
    assert pd.isna(found["iou_rank_low"])
    assert pd.isna(found["iou_ties"])
    assert not found["iou_best"]
    assert found["remarks"] == "seed 2: not run yet"


def test_a_trivial_row_has_no_loss_and_the_figures_of_its_task(frame):
    found = frame[frame.architecture == "full mask"].iloc[0]
    assert pd.isna(found.loss)
    assert found.iou == 0.4
    assert pd.isna(found.rmse)
    assert (found.rmse_seeds, found.rmse_best) == (0, False)


def test_the_columns_are_those_that_are_documented(frame):
    names = [f"{key}{end}" for key in ("iou", "rmse") for end in ("", *OF_A_METRIC)]
    for key in COSTS:
        ends = ["_low", "_high", "_half_width"] if key == "inference_images_per_s" else []
        names += [f"{key}{end}" for end in ("", *ends, "_best")]
    first = ["board", "architecture", "loss", "seeds", "asked", "ranked", "stale"]
    assert list(frame.columns) == [*first, *names, "remarks"]
    told = set(re.findall(r"``(\w+)``", module.__doc__))
    assert {*first, "remarks", "KEY", "KEY_best", *(f"KEY{end}" for end in OF_A_METRIC)} <= told
    assert set(COSTS) <= told


def test_every_speed_has_its_interval_also_in_the_table_of_timings(quick_frames):
    board, timings = quick_frames.leaderboard, quick_frames.timings
    for key in ("inference_images_per_s", "training_images_per_s", "latency_ms"):
        for table in (board[board.loss.notna()], timings):
            ends = table[[f"{key}_low", key, f"{key}_high"]].to_numpy()
            assert (ends[:, :-1] < ends[:, 1:]).all()
            half = (table[f"{key}_high"] - table[f"{key}_low"]) / 2
            assert table[f"{key}_half_width"].tolist() == half.tolist()
    assert board[board.loss.isna()].filter(regex="images_per_s_low").isna().all(axis=None)
    first, row = timings.iloc[0], board[board.architecture == timings.iloc[0].architecture]
    shown = row[row.loss == first.loss].iloc[0]
    assert shown.training_images_per_s_low == first.training_images_per_s_low


def test_chosen_columns_and_rows_are_all_that_the_table_has(study, frame):
    part = board_frame(Selection(("rmse",), "rmse", ("bce",)).of(leaderboards(study.load())))
    assert list(part.architecture) == ["densenet", "unet"]
    assert [name for name in part if name.startswith("iou")] == []
    whole = frame[frame.loss == "bce"].set_index("architecture").loc[["densenet", "unet"]]
    assert list(part.rmse_rank_low) == list(whole.rmse_rank_low)
    assert list(part.rmse_ties) == list(whole.rmse_ties)


def test_parquet_and_csv_read_back_as_they_were_written_and_equal(frame):
    parquet = pd.read_parquet(io.BytesIO(as_parquet(frame)))
    csv = pd.read_csv(io.StringIO(as_csv(frame)))
    pd.testing.assert_frame_equal(parquet, frame, check_exact=True)
    pd.testing.assert_frame_equal(csv, frame, check_exact=True)


def test_where_nothing_is_ranked_or_remarked_on_the_types_are_the_same(tmp_path, frame):
    grid = small_board.GRID.model_copy(update={"seeds": (1,)})
    single = board_frame(EVERYTHING.of(leaderboards(small_board.keep(tmp_path, grid).load())))
    assert single.iou_ties.isna().all()
    assert single.iou_of_one_seed.sum() == 4
    pd.testing.assert_series_equal(single.dtypes, frame.dtypes)
    parquet = pd.read_parquet(io.BytesIO(as_parquet(single)))
    csv = pd.read_csv(io.StringIO(as_csv(single)), dtype=dict(frame.dtypes))
    pd.testing.assert_frame_equal(parquet, single, check_exact=True)
    pd.testing.assert_frame_equal(csv, single, check_exact=True)


def test_json_has_the_same_rows_with_null_for_what_is_missing(frame):
    rows = json.loads(as_json(frame))
    assert len(rows) == len(frame) == 9
    assert rows[0] == {k: None if pd.isna(v) else v for k, v in frame.iloc[0].to_dict().items()}
    assert rows[-1]["loss"] is None
    assert rows[-1]["iou"] is None


def test_the_table_for_python_is_the_same(study, frame):
    pd.testing.assert_frame_equal(Frames(study.load()).leaderboard, frame)


def test_the_same_records_give_the_same_bytes(study, frame):
    again = board_frame(EVERYTHING.of(leaderboards(study.load())))
    for write in (as_csv, as_json, as_parquet):
        assert write(again) == write(frame)
