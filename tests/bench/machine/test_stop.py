"""The first wish to stop is noted where work can be ended in good order, and nowhere else."""

import os
import signal
from multiprocessing.connection import wait

import pytest

from bench.machine.stop import Stop


@pytest.fixture
def stop():
    found = Stop()
    with found.listening():
        yield found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_noted_and_work_is_woken_up(stop, number):
    done = []
    with pytest.raises(KeyboardInterrupt), stop.in_good_order():  # noqa: PT012
        assert wait([stop.wakes], timeout=0) == []
        os.kill(os.getpid(), number)
        assert stop.asked
        assert wait([stop.wakes], timeout=0) == [stop.wakes]
        done.append("all in good order")
    assert done == ["all in good order"]


def test_a_second_one_ends_the_work_at_once(stop):
    done = []
    with pytest.raises(KeyboardInterrupt), stop.in_good_order():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        done.append("too late")
    assert done == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_where_nothing_has_to_be_ended_it_interrupts_at_once(stop, number):
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert not stop.asked


def test_afterwards_signals_do_what_they_did_before():
    before = signal.getsignal(signal.SIGTERM)
    with Stop().listening():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_work_that_fails_meanwhile_says_so(stop):
    with pytest.raises(ZeroDivisionError), stop.in_good_order():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        1 / 0  # noqa: B018
