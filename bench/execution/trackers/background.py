"""How a tracker is kept from harming a run: it works in a thread that nobody waits for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from queue import SimpleQueue

from bench.events import Listener, Remark
from bench.execution.trackers.contract import Outcome, Run, Tracker

MAX_WAITING = 10_000  # what a tracker may be behind; points and remarks beyond are dropped


class Background:
    """A tracker that another one does the work for, in a thread of its own.

    Nothing here raises an exception or waits, but `wait`. If the other tracker fails, is too slow
    or hangs, one remark says so. That a run begins and how it ends is never dropped: there are few
    of these, and without them a tracker has no place for the rest.

    Args:
        name: of the other tracker, for the remark.
        tracker: does the work; after its construction it is called in the thread only.
        tell: is told the remark, where the methods are called.
    """

    def __init__(self, name: str, tracker: Tracker, tell: Listener) -> None:
        self._name, self._tracker, self._tell = name, tracker, tell
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._failure: Exception | None = None
        self._has_told = False
        self._dropped = 0
        self._ended = self._told_ended = 0  # runs; the first is counted here, the other there
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def begin(self, run: Run) -> None:
        """Have a run begun."""
        self._later(partial(self._tracker.begin, run))

    def curve(self, run: Run, figures: Mapping[str, float], step: int) -> None:
        """Have a point added."""
        self._if_not_behind(partial(self._tracker.curve, run, figures, step))

    def remark(self, run: Run, text: str) -> None:
        """Have a remark added."""
        self._if_not_behind(partial(self._tracker.remark, run, text))

    def end(self, run: Run, outcome: Outcome) -> None:
        """Have a run ended."""
        self._ended += 1
        self._later(partial(self._end, run, outcome))

    def close(self) -> None:
        """Have all writing finished; `wait` tells whether it was."""
        self._tasks.put(None)

    def wait(self, deadline: float) -> None:
        """Wait until all is written, at most until a time of `time.monotonic`, and say what is not.

        A thread that is not done by then is left behind, and ends with the process.
        """
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._failure is not None:
            self._tell_failure()
        elif self._thread.is_alive():
            left = self._dropped + self._tasks.qsize()
            ends = self._ended - self._told_ended
            among = f", {ends} of them the final figures of a run" if ends else ""
            self._tell_once(
                f"did not finish in time: left behind with {left} messages to go{among}"
            )
        elif self._dropped:
            self._tell_once(
                f"was too slow: {self._dropped} points of curves and remarks were dropped; "
                "all final figures are there"
            )

    def _if_not_behind(self, task: Callable[[], None]) -> None:
        if self._tasks.qsize() < MAX_WAITING:
            self._later(task)
        else:
            self._dropped += 1

    def _later(self, task: Callable[[], None]) -> None:
        if self._failure is None:
            self._tasks.put(task)
        else:
            self._tell_failure()

    def _end(self, run: Run, outcome: Outcome) -> None:
        self._tracker.end(run, outcome)
        self._told_ended += 1

    def _work(self) -> None:
        try:
            while (task := self._tasks.get()) is not None:
                task()
            self._tracker.close()
        except Exception as error:  # noqa: BLE001 - no tracker may stop a training
            self._failure = error

    def _tell_failure(self) -> None:
        self._tell_once(f"is not told any more: {type(self._failure).__name__}: {self._failure}")

    def _tell_once(self, text: str) -> None:
        if not self._has_told:
            self._has_told = True
            self._tell(Remark(f"--track {self._name}: {text}"))
