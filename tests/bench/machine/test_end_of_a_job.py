"""However a job ends, it is told, and the next one runs."""

import os
import signal
import time

import pytest
from fork_server_jobs import begin, exit_at_once, open_shared, work
from running import is_running, wait_until

from bench.machine.job_process import FORKS, Ended, Limits, Task
from bench.machine.stop import Stop
from bench.study.record import FailureKind

pytestmark = pytest.mark.skipif(not FORKS, reason="each process loads the libraries anew here")


@pytest.mark.parametrize(
    ("job", "died"),
    [
        (("exit", 0), "its process ended by itself with exit code 0"),
        (("exit", 3), "its process ended by itself with exit code 3"),
        (("segfault",), "its process was ended by SIGSEGV"),
        (("signal", signal.SIGABRT), "its process was ended by SIGABRT"),
        (("signal", signal.SIGKILL), "its process was ended by SIGKILL (out of memory?)"),
        (("raise",), "its process ended by itself with exit code 1"),
        (("answer what cannot be sent",), "its process ended by itself with exit code 1"),
        (("leave a child", 4), "its process ended by itself with exit code 4"),
        (("close everything",), "its process ended by itself with exit code 1"),
        (("end the server",), "the server: its process was ended by SIGKILL (out of memory?)"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_job_whose_process_dies_says_how_and_the_next_one_runs(run, job, died):
    found, _ = run(job, ("next",))
    assert found[job].died == died
    killed = FailureKind.KILLED if "SIGKILL" in died else FailureKind.ERROR
    assert found[job].kind is killed
    assert found["next",].answer["jobs"] == [("next",)]


def test_a_crash_says_where_it_was(run):
    found, _ = run(("segfault",))
    assert "Segmentation fault" in found["segfault",].output
    assert "fork_server_jobs.py" in found["segfault",].output


def test_the_end_of_what_a_job_prints_is_kept_and_not_shown(run, capfd):
    found, _ = run(("print", "seen"), ("print", "long " * 10_000))
    assert found["print", "seen"].output == "seen\n"
    assert len(found["print", "long " * 10_000].output) == 8000
    assert capfd.readouterr() == ("", "")


def test_a_thread_that_goes_on_keeps_nobody_waiting(run):
    started = time.monotonic()
    found, _ = run(("start a thread",), ("next",))
    assert found["start a thread",].died is None
    assert time.monotonic() - started < 30


def test_what_a_job_has_started_ends_with_it(run):
    found, _ = run(("leave a child", None))
    pid = found["leave a child", None].answer
    wait_until(lambda: not is_running(pid))


def test_a_job_that_takes_too_long_is_ended_and_says_where_it_was(run):
    found, _ = run(("sleep", 60), ("next",), limits=Limits(seconds=0.5))
    ended = found["sleep", 60]
    assert ended.died == "stopped after 0.5 s (limits.seconds)"
    assert ended.kind is FailureKind.TIMEOUT
    assert "in work" in ended.output
    assert found["next",].died is None


def test_a_job_that_cannot_be_interrupted_is_ended_too(run):
    found, _ = run(("signal", signal.SIGSTOP), limits=Limits(seconds=0.3))
    assert found["signal", signal.SIGSTOP].died == "stopped after 0.3 s (limits.seconds)"


def test_a_job_that_takes_too_much_memory_is_ended(run):
    found, _ = run(("take", 400), ("take", 10), limits=Limits(seconds=2, memory_gib=0.25))
    assert found["take", 400].died == "stopped at more than 0.25 GiB of memory (limits.memory_gib)"
    assert found["take", 400].kind is FailureKind.OUT_OF_MEMORY
    assert found["take", 10].died == "stopped after 2 s (limits.seconds)"


def test_what_a_job_has_started_counts_with_it(run):
    job = ("have a child take", 400)
    found, _ = run(job, limits=Limits(seconds=10, memory_gib=0.25))
    assert found[job].kind is FailureKind.OUT_OF_MEMORY


class Wish(Stop):
    """Comes when a job tells of itself, as a signal would."""

    def __call__(self, _message):
        self.asked = True
        os.write(self._writer, b"s")


def test_jobs_that_are_asked_to_stop_end_by_themselves_and_no_other_is_begun(server):
    stop, task = Wish(), Task(open_shared, begin, work)
    asked = [("work until asked to stop", 0.5), ("next",)]
    found = dict(server.map(asked, task, count=1, on_message=stop, stop=stop))
    assert [ended.answer for ended in found.values()] == ["stopped"]


def test_a_job_that_does_not_stop_in_time_is_ended(server):
    stop, task = Wish(), Task(open_shared, begin, work)
    asked = [("work until asked to stop", 60)]
    started = time.monotonic()
    ((_, ended),) = server.map(asked, task, count=1, on_message=stop, stop=stop)
    assert (ended.died, ended.kind) == ("did not stop in time", FailureKind.KILLED)
    assert time.monotonic() - started < 30


def test_a_process_that_cannot_begin_ends_its_job_alone(run):
    found, _ = run(("a",), begin=exit_at_once)
    assert found["a",] == Ended(None, "its process ended by itself with exit code 9")
    assert run(("b",))[0]["b",].died is None


def test_a_signal_without_a_name_is_told_by_its_number(run):
    found, _ = run(("signal", 40))
    assert found["signal", 40].died == "its process was ended by signal 40"
