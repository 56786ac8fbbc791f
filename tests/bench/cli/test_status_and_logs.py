"""`bench status` and `bench logs` say what a study holds of its cells, in words and as JSON."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import study_maker
from typer.testing import CliRunner

from bench.cli import app
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study import places
from bench.study.claims import Claims
from bench.study.record import FailureKind
from bench.study.status import CellStatus
from bench.study.study import Study

SCORES = {places.SCORES: pd.DataFrame({"key": ["0"]})}


@pytest.fixture
def question():
    return Grid(
        architectures=(Architecture(name="unet"),),
        losses=(LossPair(mask="bce", depth="bce"), LossPair(mask="l1", depth="l1")),
        seeds=(0, 1),
        data=Data(archive=("a.zip",)),
        train=Train(epochs=3),
    )


@pytest.fixture
def study(tmp_path, question):
    """One cell done, one failed, one at work, one begun; the baselines are missing."""
    study = Study(tmp_path / "study")
    study.write_grid(question, study_maker.PROVENANCE, study_maker.CONTRACTS)
    cells = [cell for cell in question.cells() if cell.loss is not None]
    study.write_cell(study_maker.record(cells[0], summary={"iou": 0.5}), SCORES)
    failed = study_maker.record(cells[1], failure="no number is left", summary=None)
    failed = failed.model_copy(
        update={"failure_kind": FailureKind.DIVERGED, "failure_details": "line one\nline two"}
    )
    study.write_cell(failed, {})
    (study.folder / places.CHECKPOINTS / cells[3].id).mkdir(parents=True)
    claims = Claims(study.folder / places.CLAIMS)
    claims.take(cells[2].id)
    started = datetime.now(UTC) - timedelta(seconds=100)
    claims.note(
        cells[2].id,
        step=50,
        steps=100,
        first_step=0,
        first_utc=started.isoformat(),
        images_per_s=12.5,
    )
    yield study
    claims.give_all_back()


def bench(*arguments):
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return " ".join(found.output.split()), found


def test_the_status_counts_and_tells_of_what_is_not_done(study):
    shown, _ = bench("status", study.folder)
    assert shown.startswith("1 of 9 cells are done, 5 missing, 1 diverged, 1 running, 1 begun")
    assert "no number is left" in shown
    assert "step 50 of 100, 12.5 images/s" in shown
    assert "0:01:4" in shown  # as long again as the first half took


def test_where_nothing_is_to_be_told_of_a_cell_the_count_is_all(tmp_path, question):
    study = Study(tmp_path / "new")
    study.write_grid(question, study_maker.PROVENANCE, study_maker.CONTRACTS)
    _, found = bench("status", study.folder)
    assert found.output == "0 of 9 cells are done, 9 missing\n"


def test_as_json_it_is_one_object_a_cell(study):
    _, found = bench("status", study.folder, "--json")
    cells = json.loads(found.output)
    assert len(cells) == 9
    running = next(cell for cell in cells if cell["state"] == "running")
    assert running["claim"]["step"] == 50
    assert running["left_s"] == pytest.approx(100, abs=20)


def test_what_a_claim_of_a_dead_run_says_is_not_shown_as_running(study, question):
    cell = list(question.cells())[-1]
    (study.folder / places.CLAIMS / cell.id).write_text('{"step": 7, "steps": 9}')
    shown, _ = bench("status", study.folder)
    assert "1 running" in shown


def test_how_long_a_training_takes_follows_from_its_own_steps(question):
    """A cell that went on from step 80 is no faster than its own 10 steps in 10 s."""
    now = datetime.now(UTC)
    claim = {"step": 90, "steps": 100, "first_step": 80}
    claim["first_utc"] = (now - timedelta(seconds=10)).isoformat()
    one = CellStatus(next(question.cells()), "running", claim=claim)
    assert one.left_s(now) == pytest.approx(10)


def test_the_log_of_a_failed_cell_ends_with_its_traceback(study, question):
    cell = [c for c in question.cells() if c.loss is not None][1]
    _, found = bench("logs", study.folder, cell.id[:8])
    lines = found.output.splitlines()
    assert lines[0].startswith(cell.id)
    assert lines[-3:] == ["diverged: no number is left", "line one", "line two"]


def test_the_log_of_an_unknown_cell_is_one_line(study):
    found = CliRunner().invoke(app, ["logs", str(study.folder), "nowhere"])
    assert "nowhere: is the id of no finished cell" in str(found.exception)
