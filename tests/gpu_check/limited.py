"""A command under a limit of time, ended with everything that it has started."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        took_s: seconds.
        exit_code: None if its time was up.
    """

    took_s: float
    exit_code: int | None


def run(command, seconds, log, folder, environment):
    """Run a command in a folder, its output into the file ``log``, for so long at most."""
    started = time.monotonic()
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                for pid in [process.pid, *descendants(process.pid)]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):  # what it has left behind
                os.killpg(process.pid, signal.SIGKILL)
    return Ended(time.monotonic() - started, code)


def descendants(pid):
    """The processes that a process has started, and those that these have, from Linux's /proc."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            after_name = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
            children.setdefault(int(after_name.split()[1]), []).append(int(stat.parent.name))
    found, left = [], [pid]
    while left:
        mine = children.get(left.pop(), [])
        found += mine
        left += mine
    return found
