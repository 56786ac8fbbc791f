"""No process outlives the server, nor the server the process that has started it."""

import subprocess
import sys
from pathlib import Path

import fork_server_jobs
import pytest
from fork_server_jobs import begin, open_shared, work
from running import is_running, wait_until

from bench.machine.fork_server import ForkServer
from bench.machine.job_process import FORKS, Task
from bench.machine.stop import Stop

pytestmark = pytest.mark.skipif(not FORKS, reason="each process loads the libraries anew here")


def test_a_server_that_is_ending_says_nothing_of_being_ended(tmp_path, capfd):
    """As where a mistake is found in a grid at once: else its own end printed a traceback."""
    own = ForkServer("fork_server_jobs:end_slowly")
    own.preload(str(tmp_path / "ending"))
    own._process.connection.close()
    wait_until((tmp_path / "ending").exists)
    own.end()
    assert capfd.readouterr().err == ""


def test_whoever_ends_the_server_leaves_no_process_behind():
    own = ForkServer("fork_server_jobs:load")
    task = Task(open_shared, begin, work)
    jobs = [("where",), ("sleep", 60)]
    pids = []
    for _, ended in own.map(jobs, task, count=1, on_message=lambda _: None, stop=Stop()):
        pids.extend(ended.answer)
        break
    own.end()
    assert len(pids) == 2
    wait_until(lambda: not any(is_running(pid) for pid in pids))


ORPHAN = """
import os, sys
sys.path.insert(0, sys.argv[1])
if __name__ == "__main__":
    from fork_server_jobs import begin, open_shared, work
    from bench.machine.fork_server import ForkServer
    from bench.machine.job_process import Task
    from bench.machine.stop import Stop
    server, stop = ForkServer("fork_server_jobs:load"), Stop()
    task = Task(open_shared, begin, work)
    asked = [("where",), ("sleep", 600)]
    found = server.map(asked, task, count=1, on_message=print, stop=stop)
    _, ended = next(found)
    print(*ended.answer, flush=True)
    import threading
    threading.Timer(0.5, os._exit, [0]).start()
    next(found)
"""


def test_all_processes_end_with_a_main_process_that_is_killed(tmp_path):
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    told = subprocess.run(
        [sys.executable, script, Path(fork_server_jobs.__file__).parent],
        capture_output=True,
        text=True,
        check=True,
    )
    _, server_pid = map(int, told.stdout.split())
    wait_until(lambda: not is_running(server_pid))
    wait_until(lambda: not _children_named(str(script)))


def _children_named(text):
    return [
        path
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if text in _content(path).replace("\0", " ")
    ]


def _content(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
