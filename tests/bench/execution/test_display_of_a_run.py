"""What a run shows of itself, on a terminal and in a log."""

import io
import time
from datetime import UTC, datetime, timedelta

import pytest
import study_maker
from rich.cells import cell_len
from rich.console import Console

from bench.events import (
    CellFinished,
    CellStarted,
    Decoded,
    EpochDone,
    Remark,
    StepDone,
    TimingDone,
    TimingProgress,
)
from bench.execution.trackers.terminal import LiveProgress, PlainProgress, create_progress
from bench.settings import Tune
from bench.settings.cell import Cell
from bench.study.measurement import Measurement
from bench.study.record import Epoch
from bench.study.timing_case import TimingCase

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = "a_network_with_a_long_name" + 94 * "x"  # 120 letters
DATA = {"archive": "a.zip"}
TRAIN = {"epochs": 2}


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self, time=START):
        self.time = time

    def __call__(self):
        return self.time

    def move(self, seconds):
        self.time += timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """Local time is UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(clock):
    return PlainProgress(Console(file=io.StringIO(), width=80), now=clock)


@pytest.fixture
def live(clock):
    return LiveProgress(Console(file=io.StringIO(), width=80, force_terminal=True), now=clock)


def written(progress):
    return progress._console.file.getvalue()


def lines(progress):
    """The lines of a log without the time of day."""
    return [line[10:] for line in written(progress).splitlines()[1:]]


def frame(progress):
    """The lines that a live display shows below what is printed."""
    console = Console(file=io.StringIO(), width=80)
    console.print(progress._live.get_renderable())
    return console.file.getvalue().splitlines()


def trained(name="unet", seed=0):
    return Cell(architecture=name, loss="bce", seed=seed, data=DATA, train=TRAIN)


def baseline(name="empty mask"):
    return Cell(architecture=name, loss=None, seed=0, data=DATA, train=TRAIN)


def started(cell, number=1, total=4, left=4):
    return CellStarted(cell, number, total, left)


def finished(cell, seconds=0.0, **found):
    ended = study_maker.NOW + timedelta(seconds=seconds)
    content = {"summary": {"iou": 0.5, "rmse": 0.25}, "finished_utc": ended} | found
    return CellFinished(study_maker.record(cell, **content))


def failed(cell, failure):
    return finished(cell, summary=None, failure=failure)


def epoch(cell, number, **found):
    content = {"step": 5, "losses": {"mask": 0.5, "depth": 0.25}, "val": {}, "train_s": 1.0}
    return EpochDone(cell.id, Epoch(**content | found), number, 2)


def timed(name, failure):
    case = TimingCase(
        architecture={"name": name},
        trainings=({"loss": "bce"},),
        recipe=trained().train.recipes()[0],
        image_size=(32, 32),
    )
    return TimingDone(
        Measurement(
            case=case,
            environment=study_maker.ENVIRONMENT,
            measured_utc=study_maker.NOW,
            failure=failure,
        )
    )


def test_the_display_suits_where_the_output_goes():
    assert isinstance(create_progress(Console(force_terminal=True)), LiveProgress)
    assert isinstance(create_progress(Console(file=io.StringIO())), PlainProgress)


def test_a_log_has_the_time_on_every_line_and_the_date_when_the_day_changes(log, clock):
    for text in ("one", "two", "three"):
        log(Remark(text))
        clock.move(6 * 3600 + 61)
    assert written(log) == (
        "2026-03-01\n12:00:00  one\n18:01:01  two\n2026-03-02\n00:02:02  three\n"
    )


def test_a_log_has_a_line_an_epoch_and_a_line_a_finished_cell(log):
    cell = trained()
    log(started(cell, number=3))
    log(epoch(cell, 1, val={"iou": 0.1, "mine.py:hits": 3}))
    log(StepDone(cell.id, 7, 10, 0.5, 100))
    log(epoch(cell, 2))
    log(finished(cell, seconds=12))
    place = "[3/4] unet · bce · seed 0"
    assert lines(log) == [
        f"{place}: epoch 1/2: loss mask 0.5  depth 0.25  val IoU 0.1000  mine.py:hits 3.0000",
        f"{place}: epoch 2/2: loss mask 0.5  depth 0.25",
        f"{place}: IoU 0.5000  RMSE 0.2500  in 12 s",
    ]


def test_cells_side_by_side_keep_their_names_in_a_log(log):
    first, second = trained("unet"), trained("densenet")
    log(started(first, number=1))
    log(started(second, number=2))
    log(epoch(first, 1))
    log(finished(second))
    log(finished(first))
    assert [line.split(" ·")[0] for line in lines(log)] == [
        "[1/4] unet",
        "[2/4] densenet",
        "[1/4] unet",
    ]


def test_the_epochs_of_a_teacher_are_called_so(log):
    cell = trained()
    log(started(cell))
    done = epoch(cell, 1)
    log(EpochDone(done.cell_id, done.epoch, 1, 2, teacher=True))
    assert "teacher, epoch 1/2" in written(log)


def test_a_failed_cell_stands_out_with_its_reason(log, live):
    cell = trained()
    for progress in (log, live):
        progress(started(cell))
        progress(failed(cell, "out of memory: 20 GiB"))
    assert lines(log) == ["[1/4] unet · bce · seed 0: FAILED: out of memory: 20 GiB"]
    assert "\x1b[1;31mFAILED: out of memory: 20 GiB\x1b[0m" in written(live)


def test_a_finished_trial_tells_what_it_tried_and_its_score(log):
    tuning = {"trials": 8, "seed": 0, "learning_rate": "log(1e-4, 1e-2)"}
    cell = trained().model_copy(update={"tuning": Tune.model_validate(tuning), "trial": 2})
    log(started(cell))
    log(finished(cell, 5, summary=None, metrics={}, val_score=0.625))
    assert lines(log) == [
        "[1/4] unet · bce · seed 0 · trial 3 of 8: learning_rate 0.001: val score 0.6250  in 5 s"
    ]


def test_timing_tells_how_far_it_is_and_what_it_found(log):
    for done in range(40):
        log(TimingProgress("unet", done, 40))
    log(timed("unet", "out of memory"))
    assert lines(log) == [
        *(f"throughput: {done} of 40 visits" for done in range(0, 40, 4)),
        "throughput of unet: FAILED: out of memory",
    ]


def test_a_log_says_once_that_the_images_are_decoded(log):
    for done in range(4):
        log(Decoded(done, 3))
    assert lines(log) == ["decoded 3 images"]


def test_a_remark_on_several_cells_is_said_once_and_counted(log):
    with log:
        for seed in range(3):
            log(Remark("not compiled", about=trained(seed=seed).label))
            log(Remark("stale", about=trained("densenet").label))
        log(Remark("stale", about=trained(seed=1).label))
    assert lines(log) == [
        "unet · bce · seed 0: not compiled",
        "densenet · bce · seed 0: stale",
        "unet · bce: said of 3 seeds: not compiled",
        "said of 2 cells, the first densenet · bce · seed 0: stale",
    ]


def test_a_remark_on_no_cell_is_said_each_time(log):
    with log:
        log(Remark("once more"))
        log(Remark("once more"))
    assert lines(log) == ["once more", "once more"]


HOSTILE = "[bold]x[/bold] [/] \x1b[2J\x07\r\n\ud800 \u202e :smile:"
AS_TEXT = r"[bold]x[/bold] [/] \x1b[2J\x07\r\n\ud800 \u202e :smile:"


def test_markup_and_control_characters_are_shown_as_text(log, live):
    cell = trained(HOSTILE)
    for progress in (log, live):
        with progress:
            progress(started(cell))
            progress(StepDone(cell.id, 1, 2, 0.5, 10))
            progress(TimingProgress(HOSTILE, 1, 10))
            progress(Remark(HOSTILE, about=HOSTILE))
            progress(epoch(cell, 1))
            progress(timed(HOSTILE, HOSTILE))
            progress(failed(cell, HOSTILE))
        shown = written(progress).encode().decode()  # no lone surrogate
        assert shown.count(f"{AS_TEXT}: {AS_TEXT}") == 1
        assert f"FAILED: {AS_TEXT}" in shown
        assert not {"\x1b[2J", "\x07", "\u202e"} & set(shown)
        assert "\x1b[2J" not in shown


def test_texts_of_any_length_make_a_readable_line(log):
    long = "begin" + 200_000 * "x" + "end"
    cell = trained(long)
    log(started(cell))
    log(Remark(long, about=long))
    log(epoch(cell, 1))
    log(failed(cell, long))
    log(timed(long, long))
    assert len(lines(log)) == 4
    assert all(line.split("begin")[0] in {"", "[1/4] ", "throughput of "} for line in lines(log))
    assert max(map(len, lines(log))) < 600
    assert lines(log)[2].endswith("xend")


def test_every_running_cell_has_a_bar_that_fits_whatever_it_is_called(live):
    cells = [trained(f"{number}{LONG}", seed=number) for number in range(3)]
    for number, cell in enumerate(cells):
        live(started(cell, number=5 + number, total=100, left=10 - number))
        live(StepDone(cell.id, 12_340, 50_000, 0.1234, 4321))
    shown = frame(live)
    assert len(shown) == 4
    assert all(cell_len(line) <= 80 for line in shown)
    for number, line in enumerate(shown[1:]):
        label, bar, count = line[:20], line[21:41], line[42:]
        assert label == f"{number}a_network… · seed {number}"
        assert bar.rstrip() == "━━━━╸"  # 12340 / 50000 of 20
        assert count.rstrip() == "12340/50000 loss 0.1234  4321 images/s"
    assert " 90/100 " in shown[0]


def test_a_long_name_keeps_its_end_which_tells_the_seed(live):
    cell = trained("y" * 120, seed=7)
    live(started(cell))
    live(StepDone(cell.id, 1, 20, 0.5, 99))
    assert "yyy…" in frame(live)[1]
    assert "seed 7 " in frame(live)[1]


def test_wide_letters_fit_too(live):
    live(started(trained("網" * 60)))
    assert all(cell_len(line) <= 80 for line in frame(live))
    assert "…" in frame(live)[1]


def test_a_finished_cell_loses_its_bar_and_the_grid_moves_on(live):
    first, second = trained("unet"), trained("densenet")
    live(started(first, number=3, total=4, left=2))
    live(started(second, number=4, total=4, left=1))
    assert " 2/4 " in frame(live)[0]
    live(finished(first))
    assert " 3/4 " in frame(live)[0]
    assert len(frame(live)) == 2
    assert frame(live)[1].startswith("densenet")


def test_a_cell_that_is_started_again_has_one_bar(live):
    for _ in range(2):
        live(started(trained(), left=4))
    assert len(frame(live)) == 2
    assert " 0/4 " in frame(live)[0]


def test_decoding_and_timing_have_bars_of_their_own(live):
    live(Decoded(10, 40))
    assert frame(live)[0].startswith("decoding")
    assert "10/40" in frame(live)[0]
    live(Decoded(40, 40))
    assert frame(live) == []
    live(TimingProgress("densenet", 3, 72))
    live(TimingProgress("unet", 4, 72))
    assert frame(live)[0].startswith("timing unet")
    assert "4/72" in frame(live)[0]


def test_nothing_is_left_of_the_bars_of_a_run_that_was_stopped(live):
    with live:
        live(started(trained()))
        live(TimingProgress("unet", 4, 72))
    (grid,) = frame(live)
    assert grid.startswith("grid")


def eta(progress):
    return frame(progress)[0].partition("ETA ")[2].strip()


def test_baselines_tell_nothing_about_the_time_that_is_left(live, clock):
    live(started(baseline(), number=1, left=4))
    clock.move(2)
    live(finished(baseline()))
    live(started(trained(), number=2, left=3))
    assert eta(live) == ""


def test_the_time_that_is_left_follows_from_the_pace_of_the_first_cell(live, clock):
    cell = trained()
    live(started(cell, left=3))
    clock.move(10)  # to load and to compile
    live(StepDone(cell.id, 10, 100, 0.5, 10))
    assert eta(live) == ""
    clock.move(20)
    live(StepDone(cell.id, 50, 100, 0.5, 10))
    # 50 more steps of half a second, then two cells of 10 + 20 + 25 s.
    assert eta(live) == "0:02:15"


def test_the_time_that_is_left_follows_from_finished_cells_without_failed_ones(live, clock):
    for seed, (seconds, end) in enumerate([(100, finished), (3, None), (140, finished)]):
        cell = trained(seed=seed)
        live(started(cell, number=seed + 1, total=6, left=6 - seed))
        clock.move(seconds)
        live(end(cell) if end else failed(cell, "crashed"))
    live(started(trained(seed=4), number=4, total=6, left=3))
    clock.move(60)
    live(StepDone(trained(seed=4).id, 10, 100, 0.5, 10))
    # The running cell has 120 - 60 s to go, two more take 120 s each.
    assert eta(live) == "0:05:00"


def test_cells_side_by_side_share_the_time_that_is_left(live, clock):
    first, second = trained(seed=0), trained(seed=1)
    live(started(first, left=5))
    live(started(second, left=4))
    for step in (0, 50):
        live(StepDone(first.id, step, 100, 0.5, 10))
        live(StepDone(second.id, step, 100, 0.5, 10))
        clock.move(100 if step == 0 else 0)
    # Two times 100 s to go and three cells of 200 s, two at a time.
    assert eta(live) == "0:06:40"


def test_the_last_cell_cannot_be_shared(live, clock):
    first, second = trained(seed=0), trained(seed=1)
    live(started(first, left=2))
    live(started(second, left=1))
    clock.move(100)
    live(finished(first))
    live(StepDone(second.id, 10, 100, 0.5, 10))
    clock.move(10)
    live(StepDone(second.id, 11, 100, 0.5, 10))
    assert eta(live) == "0:14:50"


def test_the_steps_of_a_teacher_are_not_those_of_its_cell(live, clock):
    cell = trained()
    live(started(cell, left=1))
    for step in range(0, 100, 20):
        live(StepDone(cell.id, step, 100, 0.5, 10, teacher=True))
        clock.move(1)
    assert eta(live) == ""
    assert "teacher loss 0.5" in frame(live)[1]
    live(StepDone(cell.id, 10, 100, 0.5, 10))
    clock.move(10)
    live(StepDone(cell.id, 20, 100, 0.5, 10))
    assert eta(live) == "0:01:20"
