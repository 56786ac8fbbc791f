"""Ctrl-C on a terminal reaches every process of a program; workers leave it to who started them."""

import subprocess
import sys

FIRST_WORKER = """
import signal

def serve(connection):
    connection.send(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))

if __name__ == "__main__":
    from bench.machine.processes import WorkerProcess

    worker = WorkerProcess(serve)
    print(worker.connection.recv())
    worker.end()
    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""


def test_the_first_worker_of_a_program_does_not_hear_of_it_and_the_program_does(tmp_path):
    (tmp_path / "program.py").write_text(FIRST_WORKER)
    command = [sys.executable, str(tmp_path / "program.py")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", "False"]
