"""Whatever stands in a file of a study: it is read, or told as damaged in one line."""

import json

import pytest
import study_maker
from harmless import only_reads
from hypothesis import given
from hypothesis import strategies as st
from mutation import BRIEF, FRAGMENTS, LONG, edited, promptly, restructured

from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.settings.tuning import Tune
from bench.study import checksums
from bench.study.plan import timing_cases
from bench.study.record import Epoch, Execution, Leakage, Training
from bench.study.results import Race
from bench.study.study import Study

LONGEST = 400  # characters of why something is damaged
GRID = Grid(
    architectures=(Architecture(name="unet"), Architecture(name="unet", options={"width": 0.5})),
    losses=(LossPair(mask="bce", depth="bce"),),
    seeds=(0, 1),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=2),
)
TUNED = Grid(**dict(GRID) | {"tune": Tune(trials=2, batch_size=[8, 16])})
TRAINING = Training(
    curve=(Epoch(step=3, losses={"mask": 0.5}, val={"iou": 0.5}, train_s=0.1, selected=True),),
    executions=(
        Execution(
            data_location="host",
            data_wait_share=0.0,
            accumulation_steps=1,
            checkpointing=False,
            compiled=False,
            compilation="not asked for",
        ),
    ),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study with all kinds of files."""
    study = Study(tmp_path_factory.mktemp("kept") / "study")
    records = [
        study_maker.record(cell, summary={"iou": 0.5, "rmse": 0.1}, training=TRAINING)
        for cell in GRID.cells()
    ]
    leakage = Leakage(groups={"background": 0.5}, same_images=0.0, near_duplicates=0.1)
    study_maker.keep(study, GRID, records, leakage)
    race = Race(metric="iou", looks=(2,))
    study.write_grid(TUNED, study_maker.PROVENANCE, study_maker.CONTRACTS, race=race)
    for trial in TUNED.trials():
        study.write_cell(study_maker.record(trial, val_score=0.5), {})
    for case, _ in timing_cases(GRID.cells(), records):
        study.write_measurement(study_maker.measurement(case))
    return study


@pytest.fixture(scope="module")
def sound(study):
    """What is in each JSON file of the study."""
    return {path: path.read_bytes() for path in sorted(study.folder.rglob("*.json"))}


def place(study, path):
    return path.parent.relative_to(study.folder).as_posix()


def load_with(study, path, content, *, with_checksum):
    """What a study is read as with another content in one of its files."""
    sums = path.with_name(checksums.FILE)
    kept = path.read_bytes(), sums.read_bytes()
    path.write_bytes(content)
    if with_checksum:
        sums.unlink()
        checksums.write(path.parent)
    try:
        with only_reads(), promptly():
            return study.load()
    finally:
        path.write_bytes(kept[0])
        sums.write_bytes(kept[1])


def _mutated(study, sound, data):
    path = data.draw(st.sampled_from(sorted(sound)))
    content = data.draw(restructured([json.loads(sound[path])], FRAGMENTS) | edited([sound[path]]))
    with_checksum = data.draw(st.booleans())
    results = load_with(study, path, content, with_checksum=with_checksum)
    if not with_checksum and content != sound[path]:
        assert list(results.damaged) == [place(study, path)]
    for line in results.damaged.values():
        assert line.isprintable()
        assert 0 < len(line) <= LONGEST


def test_a_grid_whose_time_has_no_zone_is_damaged(study, sound):
    path = next(path for path in sound if path.name == "grid.json")
    found = json.loads(sound[path])
    content = json.dumps(found | {"run_utc": found["run_utc"].removesuffix("Z")}).encode()
    results = load_with(study, path, content, with_checksum=True)
    assert results.damaged[place(study, path)].startswith("grid.json: run_utc: ")


def test_a_number_that_no_id_can_be_made_of_is_damage(study, sound):
    path = next(path for path in sound if b'"width": 0.5' in sound[path])
    content = sound[path].replace(b'"width": 0.5', b'"width": 1e999')
    results = load_with(study, path, content, with_checksum=True)
    assert list(results.damaged) == [place(study, path)]


def test_the_study_is_sound_before_its_files_are_mutated(study, sound):
    assert study.load().damaged == {}
    for path, content in sound.items():
        assert load_with(study, path, content, with_checksum=True).damaged == {}
    assert {path.name for path in sound} == {"grid.json", "record.json", "measurement.json"}


@BRIEF
@given(data=st.data())
def test_a_mutated_file_is_read_or_told_as_damaged(study, sound, data):
    _mutated(study, sound, data)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_ten_thousand_mutated_files_are_read_or_told_as_damaged(study, sound, data):
    _mutated(study, sound, data)
