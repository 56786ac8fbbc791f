"""The bars that a terminal shows while a run goes on."""

from rich.cells import cell_len
from shown_run import finished, frame, started, trained

from bench.events import Decoded, StepDone, TimingProgress

LONG = "a_network_with_a_long_name" + 94 * "x"  # 120 letters


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
