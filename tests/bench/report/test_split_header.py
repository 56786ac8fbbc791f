"""The head of a leaderboard says how the samples were split."""

from datetime import UTC, datetime

import pytest

from bench.report import markdown
from bench.report.leaderboard import compare
from bench.settings import Architecture, Data, LossPair, Split, Train
from bench.settings.grid import Cell, Grid
from bench.study.record import Environment, Record, SampleCounts
from bench.study.study import Study


@pytest.mark.parametrize(
    ("split", "left_out", "line"),
    [
        (Split(seed=4), 0, "6 train, 1 validation, 3 test images (shuffle, seed 4, digest 0123)"),
        (
            Split(by="both"),
            8,
            (
                "6 train, 1 validation, 3 test images, 8 left out "
                "(shuffle by background and foreground, seed 0, digest 0123)"
            ),
        ),
        (
            Split(file="mine.csv"),
            0,
            "6 train, 1 validation, 3 test images (mine.csv, digest 0123)",
        ),
    ],
)
def test_the_head_says_how_the_sides_were_drawn_and_how_many_were_left_out(
    tmp_path, split, left_out, line
):
    grid = Grid(
        architectures=(Architecture(name="unet"),),
        losses=(LossPair(mask="bce"),),
        data=Data(archive=("a.zip",), split=split),
        train=Train(epochs=1),
    )
    record = Record(
        cell=Cell(
            architecture=grid.architectures[0],
            loss=grid.losses[0],
            seed=0,
            data=grid.data,
            train=grid.train,
        ),
        split_digest="0123",
        samples=SampleCounts(train=6, val=1, test=3, left_out=left_out),
        environment=Environment(
            commit=None,
            python="3.11",
            packages={},
            platform="p",
            device="cpu",
            device_name="a processor",
            threads=1,
        ),
        started_utc=datetime(2026, 1, 1, tzinfo=UTC),
        finished_utc=datetime(2026, 1, 1, tzinfo=UTC),
        failure="none of this matters",
    )
    study = Study(tmp_path)
    study.write_grid(grid)
    study.append(record, None)
    assert f"- split: {line}\n" in markdown.render("mine", compare(study))
