"""Two runs on one study: what one has claimed the other leaves alone, as long as the one lives."""

import errno
import fcntl
import multiprocessing
import os
import signal
import time

import pytest

from bench.errors import InputError
from bench.study import claims
from bench.study.claims import Claims, held


def hold(folder, name, ready, heartbeats):
    """Claim something, and go on until this process is ended."""
    if heartbeats:
        fcntl.flock = without_locks
        claims.BEAT_S = 0.1
    own = Claims(folder)
    assert own.take(name)
    own.note(name, step=3)
    ready.set()
    time.sleep(600)


def without_locks(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.fixture(params=[False, True], ids=["locks", "heartbeats"])
def heartbeats(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(fcntl, "flock", without_locks)
        monkeypatch.setattr(claims, "BEAT_S", 0.1)
        monkeypatch.setattr(claims, "DEAD_S", 1.0)
    return request.param


@pytest.fixture
def other(tmp_path, heartbeats):
    """Another process that has claimed ``cell``."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, "cell", ready, heartbeats))
    process.start()
    assert ready.wait(60)
    yield process
    process.kill()
    process.join()


def test_what_one_has_claimed_no_other_gets(tmp_path, other):
    own = Claims(tmp_path)
    for _ in range(5):
        assert not own.take("cell")
        time.sleep(0.3)
    assert own.take("another cell")
    assert own.others()
    own.give_all_back()


def test_the_claim_of_a_killed_process_is_free(tmp_path, other):
    own = Claims(tmp_path)
    assert not own.take("cell")
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    deadline = time.monotonic() + 10
    while not own.take("cell"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    own.give_all_back()
    assert not own.others()
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_is_given_back_is_free(tmp_path, heartbeats):
    one, other = Claims(tmp_path), Claims(tmp_path)
    for _ in range(2):
        assert one.take("cell")
        assert one.take("cell")  # what is ours stays ours
        assert not other.take("cell")
        one.give_back("cell")
        assert other.take("cell")
        other.give_back("cell")


def test_a_claim_says_who_has_it_and_how_far_the_work_is(tmp_path, other):
    ((name, known),) = held(tmp_path)
    assert (name, known["process"], known["step"]) == ("cell", other.pid, 3)


def test_claims_of_nobody_are_not_held(tmp_path):
    (tmp_path / "cell").write_text('{"step": 3}')
    assert list(held(tmp_path)) == []
    assert list(held(tmp_path / "nowhere")) == []


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written to"):
        Claims(tmp_path / "file" / "claims").take("cell")
