"""In which colors is depth shown?"""

from __future__ import annotations

import functools
from importlib.resources import files

import numpy as np
import numpy.typing as npt


@functools.cache
def plasma() -> npt.NDArray[np.uint8]:
    """Return the color map in which published depth is painted, (256, 3) uint8, RGB, dark first."""
    with files("bench").joinpath("data", "plasma.csv").open(encoding="utf-8") as file:
        return np.loadtxt(file, np.uint8, delimiter=",", skiprows=1)
