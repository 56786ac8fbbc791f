"""The global generators of random numbers, that initial weights are drawn from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """Seed the generators of torch's CPU, NumPy and Python in the block; restore them after it."""
    import numpy as np  # noqa: PLC0415  the names of the registry must come fast
    import torch  # noqa: PLC0415

    of_numpy, of_python = np.random.get_state(), random.getstate()  # noqa: NPY002 - the global one
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            random.seed(seed)
            yield
    finally:
        np.random.set_state(of_numpy)  # noqa: NPY002
        random.setstate(of_python)
