"""What is read of a cell whose tables no run of this project wrote, though the checksums fit."""

import pandas as pd
import pytest
import scored_study

from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.study import checksums
from bench.study.cell_scores import image_columns, read

FORGED = {
    "no table": (lambda _: None, "cannot be read"),
    "no keys": (lambda table: table.drop(columns="key"), "does not say of which images it is"),
    "numbers as keys": (lambda table: table.assign(key=range(len(table))), "does not say of which"),
    "a key that is missing": (lambda table: table.assign(key=["k0", None]), "does not say of"),
    "an image twice": (lambda table: table.assign(key="k0"), "has an image twice"),
    "text": (lambda table: table.assign(own="much"), "own holds no numbers"),
}


GRID = scored_study.grid(losses=("bce",), seeds=(0,))


@pytest.fixture
def study(tmp_path):
    """Of two cells, and two test images."""
    return scored_study.keep(tmp_path / "study", GRID, lambda c: scored_study.scores(c)[:2])


def forge(study, table, change):
    """Change a table of one cell and the checksums beside it; return the study and the cell."""
    cell = next(cell for cell in GRID.cells() if cell.loss is not None)
    folder = study.folder / "cells" / cell.id
    changed = change(pd.read_parquet(folder / f"{table}.parquet"))
    if changed is None:
        (folder / f"{table}.parquet").write_bytes(b"none")
    else:
        changed.to_parquet(folder / f"{table}.parquet")
    (folder / checksums.FILE).unlink()
    checksums.write(folder)
    results = study.load()
    return results, results.records[cell.id]


def any_values(results, record):
    return bool(read(results, record, ["iou"]).values)


@pytest.mark.parametrize(("change", "reason"), FORGED.values(), ids=FORGED)
def test_scores_that_are_none_are_damaged_and_the_report_goes_on_with_the_other(
    study, change, reason
):
    results, record = forge(study, "scores", change)
    (board,) = leaderboards(results)
    ((place, told),) = results.damaged.items()
    assert place == f"cells/{record.cell.id}"
    assert told.startswith("scores.parquet: ")
    assert reason in told
    assert told in markdown.render("study", [board], results.damaged)
    sure = [row.title for row in board.rows if row.figures["iou"].interval is not None]
    assert sure == ["densenet, bce"]


@pytest.mark.parametrize(("change", "reason"), FORGED.values(), ids=FORGED)
def test_values_that_are_none_are_damaged_and_count_no_more(study, change, reason):
    results, record = forge(study, "values", change)
    assert not any_values(results, record)
    (told,) = results.damaged.values()
    assert told.startswith("values.parquet: ")
    assert reason in told


def test_values_of_other_images_than_the_scores_count_no_more(study):
    results, record = forge(study, "values", lambda table: table[:1])
    assert not any_values(results, record)
    assert list(results.damaged.values()) == [
        "values.parquet: is not of the images that were scored"
    ]


@pytest.mark.parametrize("column", ["tp", "fn", "depth_pixels"])
def test_scores_that_lack_a_sum_are_read_without_what_it_tells(study, column):
    results, record = forge(study, "scores", lambda table: table.drop(columns=column))
    assert any_values(results, record)
    told = {"tp": "object_size", "fn": "object_size", "depth_pixels": "depth"}[column]
    assert told not in image_columns(results, record)
