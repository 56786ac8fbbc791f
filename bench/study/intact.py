"""Is a study, to the last byte, as it was written?"""

from __future__ import annotations

from bench.errors import InputError
from bench.study import checksums
from bench.study.results import Results


def damage(results: Results) -> dict[str, str]:
    """Return what of a study is not as it was written: the reason by the place in its folder."""
    found = dict(results.damaged)
    for place in results.kept():
        problem = checksums.problem(results.folder / place)
        if problem is not None:
            found[place] = problem
    return found


def check_intact(results: Results) -> None:
    """Raise an error if anything of a study is damaged.

    Raises:
        InputError: names the first such place.
    """
    for place, why in damage(results).items():
        raise InputError(
            f"{results.folder / place}: {why}; `bench verify {results.folder}` names all that is "
            "damaged; delete it there to leave it out"
        )
