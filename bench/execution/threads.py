"""How many threads of the CPU a study's cells compute with: their last digits depend on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bench.errors import InputError
from bench.study.results import Results


@contextmanager
def computing_with(count: int) -> Iterator[None]:
    """Have this process compute with so many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(results: Results, asked: int | None, by_default: int | None = None) -> int:
    """Return how many threads of the CPU the cells of a study compute with: one number for all.

    A study that was merged from those of several machines may have several: further cells compute
    with the most frequent one, or with the one of them that is asked for.

    Args:
        results: what the study holds; the digits of what it holds depend on the number.
        asked: by the user.
        by_default: in a study without cells; None: as many as torch finds.

    Raises:
        InputError: another number than those of the cells which the study holds was asked for.
    """
    records = [*results.records.values(), *results.trials.values()]
    numbers = Counter(
        r.environment.threads for r in records if r.training and r.environment.device == "cpu"
    )
    if not numbers:
        return asked or by_default or torch.get_num_threads()
    if asked is not None and asked not in numbers:
        known = " or ".join(map(str, sorted(numbers)))
        raise InputError(
            f"--threads: the cells of {results.folder} were trained with {known}, which their "
            f"digits depend on; leave it out, or give another --out"
        )
    return asked or numbers.most_common(1)[0][0]
