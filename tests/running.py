"""Whether processes run."""

import time
from pathlib import Path


def is_running(pid):
    """Whether a process runs; one that only waits to be cleared up does not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "\nState:\tZ" not in status


def wait_until(condition):
    """Wait for what has to become true within 20 s."""
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()
