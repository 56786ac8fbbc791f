"""No edit of a study's files changes a table without a word."""

import random
import shutil

import pytest
import study_maker

from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study.measurement import Measurement
from bench.study.plan import timing_cases
from bench.study.study import Study

EDITS = 600
GRID = Grid(
    architectures=(Architecture(name="unet"),),
    losses=(LossPair(mask="bce", depth="bce"),),
    seeds=(0, 1),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=2),
)


@pytest.fixture
def folder(tmp_path):
    study = Study(tmp_path / "study")
    records = [study_maker.record(cell, summary={"iou": 0.5}) for cell in GRID.cells()]
    study_maker.keep(study, GRID, records)
    ((case, _),) = timing_cases(GRID.cells(), records)
    study.write_measurement(
        Measurement(
            case=case,
            environment=study_maker.ENVIRONMENT,
            measured_utc=study_maker.NOW,
            timings={"inference": study_maker.timing([0.1, 0.2, 0.3])},
        )
    )
    return study.folder


def shown(folder):
    results = Study(folder).load()
    return markdown.render("study", leaderboards(results), {}), results.damaged


def edited(content, rng):
    """The content with a digit exchanged, a byte changed, a line left out, or cut off."""
    places = [place for place, byte in enumerate(content) if chr(byte).isdigit()]
    kind = rng.choice(["digit", "byte", "line", "cut"] if places else ["byte", "cut"])
    if kind == "digit":
        place = rng.choice(places)
        other = rng.choice([d for d in b"0123456789" if d != content[place]])
        return content[:place] + bytes([other]) + content[place + 1 :]
    if kind == "byte":
        place = rng.randrange(len(content))
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    if kind == "line":
        lines = content.splitlines(keepends=True)
        del lines[rng.randrange(len(lines))]
        return b"".join(lines)
    return content[: rng.randrange(len(content))]


def test_no_edit_changes_a_table_without_a_word(folder, tmp_path):
    rng = random.Random(0)
    before, damaged = shown(folder)
    assert damaged == {}
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for _ in range(EDITS):
        file = rng.choice(files)
        content = (folder / file).read_bytes()
        (copy / file).write_bytes(edited(content, rng))
        try:
            after, damaged = shown(copy)
            assert after == before or damaged, file
        finally:
            (copy / file).write_bytes(content)
