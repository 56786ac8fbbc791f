"""The types of arrays that this room takes and returns; their shapes stand in the docstrings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.intp]
Labels = npt.NDArray[Any]  # names or numbers: equal ones belong together
