"""The lines that a run writes where no terminal is."""

from shown_run import epoch, failed, finished, lines, started, timed, trained, written

from bench.events import Decoded, EpochDone, Remark, StepDone, TimingProgress
from bench.settings import Tune


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
