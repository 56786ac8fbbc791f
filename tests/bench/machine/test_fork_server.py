"""Jobs share what was opened for them, and run in order or side by side."""

import pytest
from fork_server_jobs import begin, open_nothing, open_shared, use_up_all_files, work

from bench.errors import InputError
from bench.machine.fork_server import ForkServer
from bench.machine.job_process import FORKS, Task
from bench.machine.stop import Stop

pytestmark = pytest.mark.skipif(not FORKS, reason="each process loads the libraries anew here")


def test_all_jobs_share_what_was_opened_once_and_nothing_that_one_changed(run):
    found, _ = run(("a",), ("b",), ("c",))
    seen = [ended.answer for ended in found.values()]
    assert len({one["opened by"] for one in seen}) == 1
    assert len({one["begun by"] for one in seen}) == 3
    assert [one["jobs"] for one in seen] == [[("a",)], [("b",)], [("c",)]]


def test_what_is_known_to_be_needed_is_loaded_before_the_jobs_come():
    own = ForkServer("fork_server_jobs:load")
    try:
        for content in ("a library", "what is not there"):
            own.preload(content)
        task = Task(open_shared, begin, work)
        found = own.map([("a",)], task, count=1, on_message=print, stop=Stop())
        ((_, ended),) = found
        assert ended.answer["loaded"] == ["a library", "what is not there"]
    finally:
        own.end()


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


def test_what_cannot_be_opened_is_raised_here(run):
    with pytest.raises(ValueError, match="there is nothing to open"):
        run(("a",), open_shared=open_nothing)
    assert run(("b",))[0]["b",].died is None


@pytest.mark.parametrize(
    ("preload", "open_shared", "message"),
    [
        (
            "no_such_module:load",
            open_shared,
            r"no process can be started to run cells in: .* code 1;",
        ),
        (
            "fork_server_jobs:load",
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
