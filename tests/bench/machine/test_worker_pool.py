import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.machine.processes import answer_all
from bench.machine.worker_pool import Died, map_unordered


def square(connection, offset):
    """Answer each number with its square, and who it was that answered."""
    while True:
        try:
            number = connection.recv()
        except EOFError:
            return
        if number == 13:
            os._exit(7)
        if number == 14:
            os.kill(os.getpid(), signal.SIGKILL)
        if number < 0:
            time.sleep(60)
        connection.send((number**2 + offset, os.getpid()))


def sleep_for_long(connection):
    answer_all(connection, time.sleep)


ORPHAN = """
import os, sys
sys.path.insert(0, sys.argv[1])
if __name__ == "__main__":
    from bench.machine.processes import WorkerProcess
    from test_worker_pool import sleep_for_long
    server = WorkerProcess(sleep_for_long)
    server.connection.send(600)
    print(server.pid, flush=True)
    os._exit(0)
"""


def is_running(pid):
    return os.path.exists(f"/proc/{pid}")  # noqa: PTH110


def wait_for_its_end(pid):
    deadline = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)


def test_a_process_ends_with_its_parent_whatever_it_is_at(tmp_path):
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    told = subprocess.run(
        [sys.executable, script, Path(__file__).parent], capture_output=True, text=True, check=True
    )
    wait_for_its_end(int(told.stdout))


def test_every_job_is_done_once_by_at_most_so_many_processes():
    found = list(map_unordered(list(range(8)), 2, square, 100))
    assert sorted((job, answer[0]) for job, answer in found) == [(n, n**2 + 100) for n in range(8)]
    assert 1 <= len({answer[1] for _, answer in found}) <= 2


def test_a_process_that_dies_takes_its_job_alone_with_it():
    found = dict(map_unordered([1, 13, 14, 2, 3], 1, square, 0))
    assert found[13] == Died("its process ended by itself with exit code 7")
    assert found[14] == Died("its process was ended by SIGKILL (out of memory?)")
    assert [found[number][0] for number in (1, 2, 3)] == [1, 4, 9]


def test_whoever_stops_listening_leaves_no_process_behind():
    answers = map_unordered([1, -1], 2, square, 0)
    _, (_, pid) = next(answers)
    answers.close()
    wait_for_its_end(pid)
