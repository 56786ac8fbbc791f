"""The two displays of a run, by a clock that stands still."""

import io
import time

import pytest
from rich.console import Console
from shown_run import Clock

from bench.execution.trackers.terminal import LiveProgress, PlainProgress


@pytest.fixture
def utc(monkeypatch):
    """Local time is UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def clock(utc):
    return Clock()


@pytest.fixture
def log(clock):
    return PlainProgress(Console(file=io.StringIO(), width=80), now=clock)


@pytest.fixture
def live(clock):
    return LiveProgress(Console(file=io.StringIO(), width=80, force_terminal=True), now=clock)
