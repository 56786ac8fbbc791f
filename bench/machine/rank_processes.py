"""Processes that do one piece of work together, on a device each: all of them, or none.

They wait for each other in the midst of it, so that one that is gone would hold up the others for
good. This process does none of the work: it hears of the end of each and ends them all.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

from bench.machine.failure import Failure
from bench.machine.processes import (
    WorkerProcess,
    die_with_parent,
    end_with_parent,
    failure_kind,
)
from bench.study.record import FailureKind

POLL_S = 0.1  # between two looks at whether the work is to stop
DEATH_S = 1.0  # in which the death is noticed of a process whose neighbour failed for it
TOLD, ANSWER, FAILED = "told", "answer", "failed"  # what a message is

# Of a rank: its number, the arguments, a function that sends a message, and one that tells whether
# the work is to stop; returns the answer of all, or None if that is another's to give.
Work = Callable[..., Any]


class RankDiedError(Exception):
    """One of the processes ended by itself, or was ended.

    Attributes:
        why: in words.
        kind: of which kind that is.
    """

    def __init__(self, why: str, kind: FailureKind) -> None:
        super().__init__(why)
        self.why, self.kind = why, kind


def run_ranks(
    work: Work,
    arguments: tuple[Any, ...],
    count: int,
    *,
    on_message: Callable[[Any], None],
    must_stop: Callable[[], bool],
) -> Any:
    """Call ``work(rank, *arguments, tell, must_stop)`` in so many processes, numbered from 0.

    Args:
        work: an importable function; that of one rank returns the answer, the others' None.
        arguments: can be pickled.
        count: how many.
        on_message: called with what they tell.
        must_stop: whether rank 0 is to be told to stop.

    Returns:
        The answer; or the `Failure` of the first that raised an error.

    Raises:
        RankDiedError: one of them has ended without an answer.
    """
    ranks = [WorkerProcess(_work, work, rank, arguments) for rank in range(count)]
    told_to_stop = False
    try:
        while True:
            if not told_to_stop and must_stop():
                told_to_stop = True
                with contextlib.suppress(OSError):  # of one that is gone: its end is noticed
                    ranks[0].connection.send(None)
            for rank in _ready(ranks, POLL_S):
                kind, content = _message(rank, ranks)
                if kind == TOLD:
                    on_message(content)
                    continue
                if kind == FAILED:
                    _look_for_death(ranks, but=rank)
                if content is not None:
                    return content
    finally:
        for rank in ranks:
            rank.kill()


def _ready(ranks: list[WorkerProcess], timeout_s: float) -> list[WorkerProcess]:
    found = wait([rank.connection for rank in ranks], timeout_s)
    return [rank for rank in ranks if rank.connection in found]


def _message(rank: WorkerProcess, ranks: list[WorkerProcess]) -> Any:
    """The next message of a rank.

    Raises:
        RankDiedError: there is none any more.
    """
    try:
        return rank.connection.recv()
    except (EOFError, OSError):
        ending, code = rank.ending(), rank.exit_code
        number = ranks.index(rank)
        why = f"{ending}, which was rank {number} of {len(ranks)}"
        raise RankDiedError(why, failure_kind(code)) from None


def _look_for_death(ranks: list[WorkerProcess], *, but: WorkerProcess) -> None:
    """Make sure that no other rank died: one whose neighbour is gone fails, and is not the cause.

    Raises:
        RankDiedError: one did.
    """
    for rank in _ready([rank for rank in ranks if rank is not but], DEATH_S):
        _message(rank, ranks)


def _work(connection: Connection, work: Work, rank: int, arguments: tuple[Any, ...]) -> None:
    """Do the work of a rank, say what came of it, and wait for the end."""
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, signal.SIG_IGN)  # rank 0 is asked through its connection
    die_with_parent()
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        answer = work(
            rank, *arguments, lambda message: connection.send((TOLD, message)), connection.poll
        )
        connection.send((ANSWER, answer))
    except BaseException as error:  # noqa: BLE001 - whatever a network does
        connection.send((FAILED, Failure.of(error)))
    threading.Event().wait()  # were it gone, the others would fail for it
