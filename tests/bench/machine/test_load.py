import os
import sys

import pytest

from bench.machine import load

STAT = """\
cpu  900 90 300 5000 70 10 20 30 0 0
cpu0 400 40 100 2000 30 4 6 10 0 0
cpu1 100 10 50 1000 10 2 4 8 0 0
cpu10 400 40 150 2000 30 4 10 12 0 0
intr 1 2 3
"""


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A system that tells what is in two places, and cores 0 and 10 for this process."""
    monkeypatch.setattr(load, "OF_THREADS", tmp_path / "task")
    monkeypatch.setattr(load, "OF_CORES", tmp_path / "stat")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 10}, raising=False)
    return tmp_path


def test_what_the_cores_of_this_process_did_is_told_in_seconds(system):
    (system / "stat").write_text(STAT)
    found = load.used()
    assert found.busy_s == pytest.approx((400 + 40 + 100 + 4 + 6 + 400 + 40 + 150 + 4 + 10) / 100)
    assert found.idle_s == pytest.approx((2000 + 30 + 2000 + 30) / 100)
    assert found.stolen_s == pytest.approx(0.22)


def test_how_long_each_thread_waited_is_told_in_seconds(system):
    for thread, text in (("7", "123 2500000000 9\n"), ("8", "1 0 1\n")):
        (system / "task" / thread).mkdir(parents=True)
        (system / "task" / thread / "schedstat").write_text(text)
    (system / "task" / "9").mkdir()  # it has just ended
    assert load.used().waited_s == {"7": 2.5, "8": 0.0}


def test_what_a_system_does_not_tell_is_unknown(system):
    found = load.used()
    assert (found.waited_s, found.busy_s, found.idle_s, found.stolen_s) == (None,) * 4
    assert found.cpu_s > 0


def test_a_container_that_numbers_its_cores_otherwise_tells_nothing_of_them(system):
    (system / "stat").write_text("cpu  9 9 9 9 9 9 9 9 0 0\ncpu1 9 9 9 9 9 9 9 9 0 0\n")
    assert load.used().busy_s is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell less")
def test_linux_tells_all_of_it():
    before = load.used()
    sum(range(10**6))
    after = load.used()
    assert None not in (*before, *after)
    assert after.cpu_s > before.cpu_s
    assert after.busy_s + after.idle_s >= before.busy_s + before.idle_s
    assert str(os.getpid()) in after.waited_s
