"""Whether code only reads: what it does to the system is seen by an audit hook."""

import os
import sys
from contextlib import contextmanager

ACTS = {
    "os.chmod",
    "os.exec",
    "os.fork",
    "os.link",
    "os.mkdir",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.system",
    "os.truncate",
    "socket.connect",
    "subprocess.Popen",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PEAK_OF_MEMORY = "/proc/self/clear_refs"  # which the system is asked to forget

_seen = None  # what was done; None where nobody watches


def _hook(event, arguments):
    if _seen is None:
        return
    writes = event == "open" and arguments[2] & WRITING
    if event in ACTS or (writes and arguments[0] != PEAK_OF_MEMORY):
        _seen.append((event, str(arguments[0])))


sys.addaudithook(_hook)  # for good: Python has no way to take it back


@contextmanager
def only_reads():
    """Fail if the block writes a file, starts a program, or opens a connection."""
    global _seen  # noqa: PLW0603 - the hook is one for the process
    writes_no_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    _seen = []
    try:
        yield
        assert _seen == [], _seen
    finally:
        _seen = None
        sys.dont_write_bytecode = writes_no_bytecode
