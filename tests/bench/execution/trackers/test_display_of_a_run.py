"""What a run shows of itself, on a terminal as in a log."""

import io

from rich.console import Console
from shown_run import epoch, failed, lines, started, timed, trained, written

from bench.events import Remark, StepDone, TimingProgress
from bench.execution.trackers.terminal import LiveProgress, PlainProgress, create_progress


def test_the_display_suits_where_the_output_goes():
    assert isinstance(create_progress(Console(force_terminal=True)), LiveProgress)
    assert isinstance(create_progress(Console(file=io.StringIO())), PlainProgress)


def test_a_failed_cell_stands_out_with_its_reason(log, live):
    cell = trained()
    for progress in (log, live):
        progress(started(cell))
        progress(failed(cell, "out of memory: 20 GiB"))
    assert lines(log) == ["[1/4] unet · bce · seed 0: FAILED: out of memory: 20 GiB"]
    assert "\x1b[1;31mFAILED: out of memory: 20 GiB\x1b[0m" in written(live)


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
