"""Pictures of a board: whose they are, of which images, and what there is where some lack."""

import pictured_study
import pytest
import scored_study
import study_maker

from bench.report.gallery import gallery
from bench.report.leaderboard import leaderboards
from bench.study import places
from bench.study.study import Study


@pytest.fixture(scope="module")
def question():
    return scored_study.grid(seeds=(0, 1), data=pictured_study.DATA)


@pytest.fixture
def keep(tmp_path, question):
    def keep(**how):
        return pictured_study.keep(tmp_path / "study", question, **how).load()

    return keep


def shown(results):
    (board,) = leaderboards(results)
    return gallery(board, results, most_rows=40)


def test_every_row_shows_its_own_predictions_in_the_order_of_the_samples(keep):
    results = keep()
    (board,) = leaderboards(results)
    found = gallery(board, results, most_rows=40)
    assert found.samples.keys == pictured_study.KEYS
    assert [row.title for row in found.rows] == [row.title for row in board.rows]
    for row in found.rows:
        cell = board.rows[row.number].records[0].cell
        expected = [pictured_study.level(cell, place) for place in range(len(found.samples.keys))]
        assert row.images["mask"][:, 0, 0].tolist() == expected
        assert row.images["depth"][:, 0, 0].tolist() == [level + 1 for level in expected]
        assert row.seed == cell.seed == 0


def test_the_values_are_those_of_the_same_images_and_the_same_cell(keep):
    results = keep()
    found = shown(results)
    (board,) = leaderboards(results)
    for row in found.rows:
        record = board.rows[row.number].records[0]
        table = results.scores(record.cell.id, places.VALUES).set_index("key")
        for place, key in enumerate(found.samples.keys):
            assert row.values["iou"][place] == table.loc[key, "iou"]
            assert row.values["rmse"][place] == table.loc[key, "rmse"]


def test_only_what_all_rows_have_is_shown(keep):
    def fewer(cell):
        keys = pictured_study.KEYS[:3] if cell.seed == 0 and cell.loss.mask == "l1" else None
        return pictured_study.predictions(cell, keys or pictured_study.KEYS)

    assert shown(keep(of_cell=fewer)).samples.keys == pictured_study.KEYS[:3]


def test_a_row_without_predictions_is_named(keep):
    results = keep(of_cell=lambda c: None if c.loss.mask == "l1" else pictured_study.predictions(c))
    found = shown(results)
    assert found.without == ("unet, l1", "densenet, l1")
    assert [row.title for row in found.rows] == ["unet, bce", "densenet, bce"]


@pytest.mark.parametrize("lacking", [{"of_cell": lambda cell: None}, {"of_grid": None}])
def test_without_predictions_or_samples_there_is_no_gallery(keep, lacking):
    assert shown(keep(**lacking)) is None


def test_a_damaged_file_is_named_and_the_next_seed_is_shown(keep):
    results = keep()
    (board,) = leaderboards(results)
    first = board.rows[0].records[0].cell
    file = results.folder / places.CELLS / first.id / "predictions.parquet"
    file.write_bytes(file.read_bytes() + b"x")
    found = shown(results)
    assert results.damaged == {
        f"cells/{first.id}": "predictions.parquet: was changed after it was written; delete the "
        "folder to run the cell again"
    }
    assert [row.seed for row in found.rows] == [1, 0, 0, 0]


@pytest.mark.parametrize(("split", "is_shown"), [("0123", True), ("another", False)])
def test_samples_of_an_earlier_grid_are_shown_if_they_are_of_the_same_split(
    tmp_path, question, split, is_shown
):
    study = Study(tmp_path / "study")
    provenance = study_maker.PROVENANCE.model_copy(update={"split": split})
    earlier = question.model_copy(update={"metrics": ("iou",)})
    study.write_grid(earlier, provenance, study_maker.CONTRACTS, samples=pictured_study.samples())
    results = pictured_study.keep(tmp_path / "study", question, of_grid=None).load()
    assert len(results.grids) == 2
    assert (shown(results) is not None) == is_shown
