"""What several test files need: a small archive, a small network, a table of figures."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest
import torch
from figures import Figure
from rich.console import Console
from rich.table import Table

from bench.archives import render

# Images of 32 px are too small to share out: on a busy machine two threads mostly wait for each
# other.
torch.set_num_threads(1)

TINY_NETWORK = f"{Path(__file__).parent / 'tiny_network.py'}:tiny_network"


FIGURES = pytest.StashKey[list[Figure]]()


@pytest.fixture(autouse=True, scope="session")
def freed_memory_is_given_back():
    """A run keeps what it frees to its process's end: here that would count for later tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.execution.context.keep_freed_memory", lambda: None)
        patch.setattr("bench.throughput.measure.keep_freed_memory", lambda: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def interrupts_are_heard():
    """Even where the tests run in the background of a script, whose shell has Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="module")
def what_is_loaded_is_not_garbage():
    """Every cell looks for garbage: here among all that the tests have imported so far."""
    gc.freeze()


@pytest.fixture
def figure(request):
    """Enters a measured figure into the table that ends the run; tells whether it is in bounds."""

    def enter(what, value, **bounds):
        found = Figure(what, value, **bounds)
        request.config.stash.setdefault(FIGURES, []).append(found)
        return found.keep()

    return enter


def pytest_terminal_summary(config):
    figures = config.stash.get(FIGURES, [])
    if not figures:
        return
    device = (
        torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    )
    table = Table(title=f"measured on {device}")
    for heading in ("what", "figure", "asked", "", "of which"):
        table.add_column(heading, justify="right" if heading == "figure" else "left")
    for found in figures:
        mark = "✓" if found.holds else "✗"
        table.add_row(found.what, f"{found.value:.3f}", found.bounds, mark, found.remark)
    Console(width=140).print(table)


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory, monkeypatch):
    """No test reads or fills the user's own cache."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("MASKDEPTH_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def rendered_archive(tmp_path_factory):
    """36 samples of 64 px as `bench data make` writes them."""
    path = tmp_path_factory.mktemp("archives") / "rendered.zip"
    render.make(path, backgrounds=3, foregrounds=4, placements=3, size=64, seed=0)
    return path


@pytest.fixture(scope="session")
def tiny_network():
    """The spec of a user's own network that trains in milliseconds."""
    return TINY_NETWORK


@pytest.fixture(scope="session")
def repository():
    """The checkout that the tests belong to."""
    return Path(__file__).parent.parent
