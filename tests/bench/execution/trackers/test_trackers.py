"""What trackers are told of a run, and that no tracker harms it."""

import math
import threading
import time

import pytest
import tracked_cell

from bench.errors import InputError
from bench.events import CellFinished, Remark, StepDone
from bench.execution.trackers import background, tracking
from bench.execution.trackers.background import Background
from bench.execution.trackers.contract import Outcome, Run
from bench.execution.trackers.tracked_runs import TrackedRuns
from bench.execution.trackers.tracking import TrackerName

RUN = Run("0", "a cell")


class Told:
    """A tracker that remembers what it was told."""

    def __init__(self):
        self.begun, self.curves, self.remarks, self.ended = [], [], [], []
        self.is_closed = False

    def begin(self, run):
        self.begun.append(run)

    def curve(self, run, figures, step):
        self.curves.append((run.id, step, dict(figures)))

    def remark(self, run, text):
        self.remarks.append((run.label, text))

    def end(self, run, outcome):
        self.ended.append((run.label, outcome))

    def close(self):
        self.is_closed = True


class Raises(Told):
    def curve(self, run, figures, step):
        raise OSError("the disk is full")


class Hangs(Told):
    """A tracker that hangs until the test is over."""

    def __init__(self):
        super().__init__()
        self.over = threading.Event()

    def curve(self, run, figures, step):
        self.over.wait()


def told_of(events):
    told = Told()
    runs = TrackedRuns([told], "cpu")
    for event in events:
        runs(event)
    return told


@pytest.fixture
def remarks():
    return []


@pytest.fixture
def hanging():
    tracker = Hangs()
    yield tracker
    tracker.over.set()


def in_background(tracker, remarks):
    return Background("mine", tracker, lambda remark: remarks.append(remark.text))


def test_a_cell_is_a_run_with_its_settings_as_parameters():
    (run,) = told_of(tracked_cell.WHOLE).begun
    assert (run.id, run.label) == (tracked_cell.CELL.id, tracked_cell.CELL.label)
    expected = {
        "id": run.id,
        "label": run.label,
        "device": "cpu",
        "architecture.name": "unet",
        "architecture.options.width": 0.25,
        "loss.mask": "0.1*l1 + ssim",
        "seed": 3,
        "data.archive": '["ä b.zip"]',
        "data.image_size": "[32, 64]",
        "train.batch_size": 4,
    }
    assert {name: run.parameters.get(name) for name in expected} == expected
    assert all(isinstance(value, str | int | float) for value in run.parameters.values())


def test_the_curves_of_steps_and_epochs_lie_over_the_same_steps():
    told = told_of(tracked_cell.WHOLE)
    assert [(step, figures) for _, step, figures in told.curves] == [
        (10, {"loss": 2.0, "images_per_s": 50.0}),
        (10, {"epoch": 1, "train/mask": 0.5, "val/iou": 0.25}),
        (20, {"loss": 1.0, "images_per_s": 50.0}),
        (20, {"epoch": 2, "train/mask": 0.5, "val/iou": 0.5}),
    ]


def test_a_long_curve_has_about_two_hundred_points_and_its_last_step():
    steps = [tracked_cell.step(number, 1.0, total=9995) for number in [*range(10, 9995, 10), 9995]]
    told = told_of([tracked_cell.START, *steps])
    points = [step for _, step, _ in told.curves]
    assert points == [*range(10, 9995, 50), 9995]


def test_a_teachers_curves_have_names_and_steps_of_their_own():
    cell = tracked_cell.CELL.id
    steps = [
        StepDone(cell, 400, 400, 3.0, 1.0, teacher=True),
        tracked_cell.step(10, 2.0),
    ]
    told = told_of([tracked_cell.START, *steps])
    assert told.curves == [
        (cell, 400, {"teacher/loss": 3.0, "teacher/images_per_s": 1.0}),
        (cell, 10, {"loss": 2.0, "images_per_s": 50.0}),
    ]


def test_a_run_ends_with_its_figures_or_with_its_failure():
    ((_, complete),) = told_of(tracked_cell.WHOLE).ended
    assert complete.figures == {"test/iou": 0.75, "test/rmse": 0.25}
    assert complete.failure is None
    ((_, failed),) = told_of([tracked_cell.START, tracked_cell.FAILED]).ended
    assert (failed.figures, failed.failure, failed.kind) == ({}, "nan in the loss", "diverged")


def test_a_trial_ends_with_its_score_on_the_validation_images():
    trial = tracked_cell.CELL.model_copy(update={"trial": 0})
    record = tracked_cell.finished(0.5).record
    record = record.model_copy(update={"cell": trial, "summary": None, "val_score": 0.5})
    told = told_of([CellFinished(record)])
    assert [outcome.figures for _, outcome in told.ended] == [{"val_score": 0.5}]
    assert [run.id for run in told.begun] == [trial.id]


def test_remarks_belong_to_the_cell_at_work_or_to_the_run_as_a_whole():
    label = tracked_cell.CELL.label
    told = told_of(
        [
            Remark("a share of the test images is in training"),
            Remark("stale; running it again", label),
            *tracked_cell.WHOLE,
        ]
    )
    assert told.remarks == [
        ("bench run", "a share of the test images is in training"),
        ("bench run", f"{label}: stale; running it again"),
        (label, "a remark"),
    ]


def test_a_timing_is_a_run_with_images_per_second():
    told = told_of([tracked_cell.timing()])
    ((label, outcome),) = told.ended
    assert label == "throughput of unet"
    assert outcome.figures == {"throughput/inference_images_per_s": pytest.approx(4 / 0.2)}


def test_a_tracker_in_the_background_is_told_all_in_order(remarks):
    told = Told()
    behind = in_background(told, remarks)
    runs = TrackedRuns([behind], "cpu")
    for event in tracked_cell.WHOLE:
        runs(event)
    behind.close()
    behind.wait(time.monotonic() + 60)
    assert told.curves == told_of(tracked_cell.WHOLE).curves
    assert told.is_closed
    assert remarks == []


def test_a_tracker_that_raises_is_told_no_more_which_is_said_once(remarks):
    behind = in_background(Raises(), remarks)
    for number in range(3):
        behind.curve(RUN, {}, number)
        behind._thread.join(60)
    behind.close()
    behind.wait(time.monotonic() + 60)
    assert remarks == ["--track mine: is not told any more: OSError: the disk is full"]


def test_a_tracker_that_hangs_holds_nobody_up_which_is_said_once(remarks, hanging, monkeypatch):
    monkeypatch.setattr(background, "MAX_WAITING", 5)
    behind = in_background(hanging, remarks)
    behind.curve(RUN, {}, 0)
    while behind._tasks.qsize():
        time.sleep(0.001)  # until it hangs
    for number in range(8):
        behind.curve(RUN, {}, number)
    behind.close()
    behind.wait(time.monotonic())
    # One at which it hangs, five that wait, three that were dropped.
    said = "--track mine: did not finish in time: left behind with 9 messages to go"
    assert remarks == [said]
    assert behind._thread.daemon


def test_a_tracker_that_was_too_slow_says_how_much_was_dropped(remarks, hanging, monkeypatch):
    monkeypatch.setattr(background, "MAX_WAITING", 5)
    behind = in_background(hanging, remarks)
    behind.curve(RUN, {}, 0)
    while behind._tasks.qsize():
        time.sleep(0.001)
    for number in range(8):
        behind.curve(RUN, {}, number)
    hanging.over.set()
    behind.close()
    behind.wait(time.monotonic() + 60)
    dropped = "was too slow: 3 points of curves and remarks were dropped"
    assert remarks == [f"--track mine: {dropped}; all final figures are there"]
    assert hanging.is_closed


def fill(behind):
    """Have a tracker hang at its first point, with as many behind as may wait."""
    behind.begin(RUN)
    behind.curve(RUN, {}, 0)
    while behind._tasks.qsize():
        time.sleep(0.001)
    for number in range(background.MAX_WAITING):
        behind.curve(RUN, {}, number)


def test_a_tracker_that_is_far_behind_is_told_all_final_figures(remarks, hanging, monkeypatch):
    monkeypatch.setattr(background, "MAX_WAITING", 5)
    behind = in_background(hanging, remarks)
    fill(behind)
    another = Run("1", "another cell")
    behind.remark(RUN, "which is dropped")
    behind.end(RUN, Outcome({"test/iou": 0.5}))
    behind.begin(another)
    behind.curve(another, {}, 0)  # likewise
    behind.end(another, Outcome({"test/iou": 0.75}))
    assert hanging.ended == []  # nobody has waited
    hanging.over.set()
    behind.close()
    behind.wait(time.monotonic() + 60)
    assert hanging.begun == [RUN, another]
    assert [(label, outcome.figures["test/iou"]) for label, outcome in hanging.ended] == [
        ("a cell", 0.5),
        ("another cell", 0.75),
    ]
    assert len(remarks) == 1
    assert "too slow: 2 points of curves and remarks were dropped; all final figures" in remarks[0]


def test_final_figures_that_a_tracker_is_too_slow_for_are_said(remarks, hanging, monkeypatch):
    monkeypatch.setattr(background, "MAX_WAITING", 5)
    behind = in_background(hanging, remarks)
    behind.begin(RUN)
    behind.end(RUN, Outcome({}))  # in time
    fill(behind)
    behind.end(RUN, Outcome({}))
    behind.close()
    behind.wait(time.monotonic())
    said = "--track mine: did not finish in time: left behind with 7 messages to go, 1 of them the "
    assert remarks == [f"{said}final figures of a run"]


def test_a_stopped_run_waits_a_second_for_its_trackers_and_no_more(
    remarks, hanging, monkeypatch, tmp_path
):
    monkeypatch.setattr(tracking, "_open", lambda name, study: hanging)
    monkeypatch.setattr(tracking, "FINISH_S", math.inf)
    monkeypatch.setattr(tracking, "STOP_S", 0.0)

    def stopped():
        names = [TrackerName.JSONL, TrackerName.MLFLOW]
        with tracking.tracking(
            names, tmp_path, "cpu", lambda one: remarks.append(one.text)
        ) as told:
            told(tracked_cell.START)
            told(tracked_cell.step(10, 1.0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert len(remarks) == 2
    assert remarks[0].startswith("--track jsonl: did not finish in time")
    assert remarks[1].startswith("--track mlflow: did not finish in time")


def test_a_tracker_named_twice_is_opened_once(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(tracking, "_open", lambda name, study: opened.append(name) or Told())
    names = [TrackerName.JSONL, TrackerName.JSONL]
    with tracking.tracking(names, tmp_path, "cpu", lambda _: None):
        pass
    assert opened == [TrackerName.JSONL]


def test_a_missing_extra_is_one_line_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    tracking.check_installed([TrackerName.JSONL])  # needs nothing
    with pytest.raises(InputError, match=r"--track wandb: .*pip install -e '\.\[wandb\]'"):
        tracking.check_installed([TrackerName.JSONL, TrackerName.WANDB])
