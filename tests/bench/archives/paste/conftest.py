"""Two backgrounds and two cut-outs on the disk, and a reader of archives."""

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image


def _save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return path


def _disc(height, width, color=(200, 30, 30)):
    """A soft-edged ellipse that touches all four sides of its image."""
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    alpha = np.clip((1.5 - np.hypot(rows, columns)) * 400, 0, 255)
    return np.dstack([np.broadcast_to(color, (height, width, 3)), alpha])


@pytest.fixture
def save():
    return _save


@pytest.fixture
def disc():
    return _disc


@pytest.fixture
def images(tmp_path):
    """The folders of backgrounds and foregrounds."""
    random = np.random.default_rng(0)
    for name in ("beach", "hall"):
        coarse = random.integers(0, 255, (4, 5, 3), np.uint8)
        _save(tmp_path / "scenes" / f"{name}.png", coarse.repeat(16, 0).repeat(16, 1))
    _save(tmp_path / "objects" / "cat.png", _disc(20, 12))
    _save(tmp_path / "objects" / "dog.png", _disc(10, 24))
    return tmp_path / "scenes", tmp_path / "objects"


@pytest.fixture
def read():
    """The entries of an archive, name to bytes."""

    def read(path):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}

    return read


@pytest.fixture
def rows(read):
    """The lines of an archive's samples.csv."""

    def rows(path):
        return list(csv.DictReader(io.StringIO(read(path)["samples.csv"].decode())))

    return rows
