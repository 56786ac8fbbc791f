import atexit
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench.errors import InputError
from bench.machine.fork_server import ForkServer
from bench.machine.job_process import FORKS, Ended, Limits, Task
from bench.machine.stop import Stop
from bench.study.record import FailureKind

pytestmark = pytest.mark.skipif(not FORKS, reason="each process loads the libraries anew here")


loaded = []


def load(content):
    loaded.append(content)
    if content == "what is not there":
        raise ModuleNotFoundError(content)


def open_shared():
    return {"opened by": os.getpid(), "jobs": [], "loaded": list(loaded)}


def open_nothing():
    raise ValueError("there is nothing to open")


def use_up_all_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())),) * 2)


def begin(shared):
    shared["begun by"] = os.getpid()


def exit_at_once(shared):
    os._exit(9)


def work(shared, job, tell, must_stop):  # noqa: C901, PLR0912 - one case a job
    """Do what the job says, and return what the process knows."""
    shared["jobs"].append(job)
    match job:
        case ("tell", *messages):
            for message in messages:
                tell(message)
        case ("exit", code):
            os._exit(code)
        case ("signal", number):
            os.kill(os.getpid(), number)
        case ("segfault",):
            ctypes.string_at(0)
        case ("end the server",):
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        case ("sleep", seconds):
            time.sleep(seconds)
        case ("work until asked to stop", last_words_s):
            tell("at work")
            while not must_stop():
                time.sleep(0.01)
            time.sleep(last_words_s)
            return "stopped"
        case ("take", mib):
            taken = b"x" * (mib * 2**20)
            time.sleep(30)
            return len(taken)
        case ("have a child take", mib):
            if os.fork() == 0:
                taken = b"x" * (mib * 2**20)
            time.sleep(30)
        case ("print", text):
            sys.stdout.write(f"{text}\n")
        case ("raise",):
            raise KeyboardInterrupt
        case ("start a thread",):
            threading.Thread(target=time.sleep, args=(60,)).start()
        case ("leave a child", code):
            child = os.fork()
            if child == 0:
                time.sleep(60)
            if code is not None:
                os._exit(code)
            return child
        case ("close everything",):
            os.closerange(0, 1000)
        case ("answer what cannot be sent",):
            return lambda: None
        case ("where",):
            return (os.getpgid(0), os.getppid())
    return dict(shared)


@pytest.fixture(scope="module")
def server():
    server = ForkServer("test_fork_server:load")
    yield server
    server.end()


@pytest.fixture
def run(server):
    def run(*jobs, count=1, limits=Limits(), begin=begin, open_shared=open_shared):  # noqa: B008
        told = []
        task = Task(open_shared, begin, work, limits)
        found = list(server.map(jobs, task, count=count, on_message=told.append, stop=Stop()))
        return dict(found), told

    return run


def is_running(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "\nState:\tZ" not in status


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def test_all_jobs_share_what_was_opened_once_and_nothing_that_one_changed(run):
    found, _ = run(("a",), ("b",), ("c",))
    seen = [ended.answer for ended in found.values()]
    assert len({one["opened by"] for one in seen}) == 1
    assert len({one["begun by"] for one in seen}) == 3
    assert [one["jobs"] for one in seen] == [[("a",)], [("b",)], [("c",)]]


def test_what_is_known_to_be_needed_is_loaded_before_the_jobs_come():
    own = ForkServer("test_fork_server:load")
    try:
        for content in ("a library", "what is not there"):
            own.preload(content)
        task = Task(open_shared, begin, work)
        found = own.map([("a",)], task, count=1, on_message=print, stop=Stop())
        ((_, ended),) = found
        assert ended.answer["loaded"] == ["a library", "what is not there"]
    finally:
        own.end()


def end_slowly(path):
    def touch_and_wait():
        Path(path).touch()
        time.sleep(0.5)

    atexit.register(touch_and_wait)


def test_a_server_that_is_ending_says_nothing_of_being_ended(tmp_path, capfd):
    """As where a mistake is found in a grid at once: else its own end printed a traceback."""
    own = ForkServer("test_fork_server:end_slowly")
    own.preload(str(tmp_path / "ending"))
    own._process.connection.close()
    wait_until((tmp_path / "ending").exists)
    own.end()
    assert capfd.readouterr().err == ""


def test_what_a_job_tells_comes_in_its_order(run):
    _, told = run(("tell", 1, 2, 3), ("tell", 4))
    assert told == [1, 2, 3, 4]


def test_a_job_is_asked_for_when_there_is_room_for_it(server):
    seen = []

    def jobs():
        for number in range(3):
            seen.append(f"asked for {number}")
            yield ("tell", number)

    task = Task(open_shared, begin, work)
    for job, _ in server.map(jobs(), task, count=1, on_message=lambda _: None, stop=Stop()):
        seen.append(f"ended {job[1]}")
    assert seen == [f"{what} {n}" for n in range(3) for what in ("asked for", "ended")]


def test_jobs_run_side_by_side_but_never_more_than_asked(server):
    running, most = set(), 0

    def jobs():
        for number in range(6):
            running.add(("sleep", 0.1 + number / 1000))
            yield ("sleep", 0.1 + number / 1000)

    task = Task(open_shared, begin, work)
    for job, _ in server.map(jobs(), task, count=3, on_message=lambda _: None, stop=Stop()):
        most = max(most, len(running))
        running.discard(job)
    assert most == 3


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
    assert "test_fork_server.py" in found["segfault",].output


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


def test_what_cannot_be_opened_is_raised_here(run):
    with pytest.raises(ValueError, match="there is nothing to open"):
        run(("a",), open_shared=open_nothing)
    assert run(("b",))[0]["b",].died is None


def test_a_process_that_cannot_begin_ends_its_job_alone(run):
    found, _ = run(("a",), begin=exit_at_once)
    assert found["a",] == Ended(None, "its process ended by itself with exit code 9")
    assert run(("b",))[0]["b",].died is None


def test_whoever_ends_the_server_leaves_no_process_behind(server):
    own = ForkServer("test_fork_server:load")
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
    import test_fork_server as jobs
    server = jobs.ForkServer("test_fork_server:load")
    task = jobs.Task(jobs.open_shared, jobs.begin, jobs.work)
    asked, stop = [("where",), ("sleep", 600)], jobs.Stop()
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
        [sys.executable, script, Path(__file__).parent],
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


@pytest.mark.parametrize(
    ("preload", "open_shared", "message"),
    [
        (
            "no_such_module:load",
            open_shared,
            r"no process can be started to run cells in: .* code 1;",
        ),
        (
            "test_fork_server:load",
            use_up_all_files,
            r"no process can be started for a cell: .*open files",
        ),
    ],
)
def test_what_keeps_processes_from_starting_is_no_failure_of_a_job(preload, open_shared, message):
    own = ForkServer(preload)
    try:
        with pytest.raises(InputError, match=message):
            next(
                own.map(
                    [("a",)], Task(open_shared, begin, work), count=1, on_message=print, stop=Stop()
                )
            )
    finally:
        own.end()


def test_a_signal_without_a_name_is_told_by_its_number(run):
    found, _ = run(("signal", 40))
    assert found["signal", 40].died == "its process was ended by signal 40"
