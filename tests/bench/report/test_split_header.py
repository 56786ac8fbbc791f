"""The head of a leaderboard says how the samples were split."""

import pytest
import study_maker

from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.settings import Architecture, Data, LossPair, Split, Train
from bench.settings.grid import Grid
from bench.study.record import SampleCounts
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
def test_the_head_says_how_the_subsets_were_drawn_and_how_many_were_left_out(
    tmp_path, split, left_out, line
):
    grid = Grid(
        architectures=(Architecture(name="unet"),),
        losses=(LossPair(mask="bce"),),
        data=Data(archive=("a.zip",), split=split),
        train=Train(epochs=1),
    )
    cell = list(grid.cells())[-1]
    record = study_maker.record(
        cell,
        samples=SampleCounts(train=6, val=1, test=3, left_out=left_out),
        failure="none of this matters",
    )
    study = study_maker.keep(Study(tmp_path), grid, [record])
    assert f"- split: {line}\n" in markdown.render("mine", leaderboards(study.load()), {})
