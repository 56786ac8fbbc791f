"""How long the grid still takes, as a terminal shows it."""

from shown_run import baseline, failed, finished, frame, started, trained

from bench.events import StepDone


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
