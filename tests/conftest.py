"""What several test files need: a small archive, a small network, a private cache."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.data import generator

# Pictures of 32 px are too small to share out: on a busy machine two threads mostly wait for each
# other.
torch.set_num_threads(1)

TINY_NETWORK = f"{Path(__file__).parent / 'tiny_network.py'}:tiny_network"


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
    generator.make(path, backgrounds=3, foregrounds=4, placements=3, size=64, seed=0)
    return path


@pytest.fixture
def tiny_network():
    """The spec of a user's own network that trains in milliseconds."""
    return TINY_NETWORK


@pytest.fixture(scope="session")
def repository():
    """The checkout that the tests belong to."""
    return Path(__file__).parent.parent
