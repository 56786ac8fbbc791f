import pytest
import study_maker

from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study.plan import State, changed, plan, recorded_plan
from bench.study.record import Provenance
from bench.study.study import Study

GRID = Grid(
    architectures=(Architecture(name="unet"),),
    losses=(LossPair(mask="bce", depth="bce"),),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=1),
)
CELL = list(GRID.cells())[-1]
ONE, OTHER = "1" * 64, "3" * 64


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "study")


def state_of(study, present=study_maker.PROVENANCE):
    (planned,) = plan([CELL], study.load(), lambda _: present)
    return planned.state, planned.why


def test_a_cell_is_missing_then_current(study):
    study_maker.keep(study, GRID, [])
    assert state_of(study) == (State.MISSING, "")
    study_maker.keep(study, GRID, [study_maker.record(CELL, summary={"iou": 0.5})])
    assert state_of(study) == (State.CURRENT, "")


def test_a_failed_cell_is_never_current(study):
    study_maker.keep(study, GRID, [study_maker.record(CELL, failure="out of memory")])
    assert state_of(study) == (State.FAILED, "out of memory")


def test_a_damaged_cell_is_told_from_a_missing_one(study):
    study_maker.keep(study, GRID, [study_maker.record(CELL, summary={"iou": 0.5})])
    (study.folder / "cells" / CELL.id / "record.json").write_text("{")
    assert state_of(study) == (
        State.DAMAGED,
        "record.json: was changed after it was written",
    )


@pytest.mark.parametrize(
    ("update", "why"),
    [
        ({"data": "other"}, "the data changed"),
        ({"split": "4567"}, "the split changed"),
        ({"weights": {"the teacher": ONE}}, "the weights of the teacher changed"),
        (
            {"sources": {**study_maker.SOURCES, "unet": {"networks/unet.py": OTHER}}},
            "networks/unet.py changed",
        ),
        (
            {"sources": {**study_maker.SOURCES, "unet": {"networks/unet.py": ONE, "h.py": ONE}}},
            "h.py is new",
        ),
        (
            {"sources": {**study_maker.SOURCES, "unet": {}}},
            "networks/unet.py is not used any more",
        ),
        (
            {"sources": {**study_maker.SOURCES, "loss l1": {}}},
            "the code of loss l1 was not recorded",
        ),
    ],
)
def test_what_changed_makes_a_cell_stale_and_is_named(study, update, why):
    study_maker.keep(study, GRID, [study_maker.record(CELL, summary={"iou": 0.5})])
    present = study_maker.PROVENANCE.model_copy(update=update)
    assert state_of(study, present) == (State.STALE, why)


def test_a_failure_of_other_code_is_stale_and_not_failed(study):
    study_maker.keep(study, GRID, [study_maker.record(CELL, failure="a bug")])
    present = study_maker.PROVENANCE.model_copy(update={"data": "other"})
    assert state_of(study, present)[0] is State.STALE


def test_what_an_earlier_version_did_not_record_is_not_taken_for_the_same():
    unknown = Provenance(data=None, split="0123")
    assert list(changed(unknown, study_maker.PROVENANCE)) == [
        "its data was not recorded",
        "its code was not recorded",
    ]


def test_a_report_compares_with_the_latest_run_and_looks_at_nothing_else(study):
    old = Provenance(data="the data", split="0123", sources={"unet": {"networks/unet.py": OTHER}})
    kept = study_maker.record(CELL, summary={"iou": 0.5}, provenance=old)
    study_maker.keep(study, GRID, [kept])
    results = study.load()
    planned = recorded_plan(GRID, results.grids[0].provenance, results)[-1]
    assert (planned.state, planned.why) == (State.STALE, "networks/unet.py changed")


def test_trivial_baselines_depend_on_the_data_alone(study):
    baselines = [cell for cell in GRID.cells() if cell.loss is None]
    study_maker.keep(
        study, GRID, [study_maker.record(cell, summary={"iou": 0.0}) for cell in baselines]
    )
    results = study.load()
    states = {
        p.state
        for p in recorded_plan(GRID, results.grids[0].provenance, results)
        if p.cell.loss is None
    }
    assert states == {State.CURRENT}
