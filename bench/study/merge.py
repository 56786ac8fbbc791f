"""Several studies, as several machines wrote them, joined in one.

A cell is the same where its id (the settings) and its provenance (what these led to) are. The same
cell with the same figures is taken once, and a complete one in place of a failed one. Everything is
copied byte by byte.

What is comparable: the cells of one leaderboard have to be made of the same data, split, weights
and code, and their figures by the same metrics. Where they were trained does not matter: on another
device, with other libraries, or with another number of threads on a CPU, a cell ends in other
digits, as it does from another seed; each record says where. Times do depend on the machine: a
measurement has it in its id, so that all are kept, and a report tells them apart.
"""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import InputError
from bench.files import atomic_folder
from bench.study import checksums, places
from bench.study.intact import check_intact
from bench.study.measurement import Measurement
from bench.study.plan import changed, known_to
from bench.study.record import Provenance, Record
from bench.study.results import Results, StoredGrid, latest_provenance
from bench.study.study import Study
from bench.text import printable, shortened

# Of a figure: what the order of a sum changes on another processor, as in a trivial baseline; the
# same network, trained anew in another order, is further away.
ROUNDING = 1e-6
SHOWN = 300  # characters of a list of changes


def merge(folders: Sequence[Path], out: Path) -> int:
    """Join some studies in one; all is checked before anything is written.

    Of a grid that was run several times, the latest run that kept test images is, or else the
    latest. Of several measurements of one
    network on machines of one kind, one that did not fail is, the one that has the fewest problems,
    then the latest. The order of the studies does not matter, and what is in ``out`` already is not
    written again. The grids come last: a merge that is interrupted shows nothing that is not whole,
    and the same call goes on.

    Args:
        folders: of the studies.
        out: a study to add to, or a folder to be made.

    Returns:
        How many cells, trials, measurements and grids were added, or put in place of others.

    Raises:
        InputError: a study is damaged, two of them cannot be compared, or ``out`` cannot be
            written to.
    """
    joined = Study(out).load_or_empty()
    studies = [joined, *(Study(folder).load() for folder in folders)]
    for results in studies:
        check_intact(results)
    for one, other in itertools.combinations(studies, 2):
        _check_comparable(one, other)
    found: dict[str, list[_Found]] = {}
    for each in itertools.chain.from_iterable(map(_all_of, studies)):
        found.setdefault(each.place, []).append(each)
    held = {each.place: each.sums for each in _all_of(joined)}
    chosen = [_choose(alike) for alike in found.values()]
    new = [each for each in chosen if held.get(each.place) != each.sums]
    try:
        for each in sorted(new, key=lambda each: isinstance(each.content, StoredGrid)):
            _copy(each.folder, out / each.place)
    except OSError as error:
        raise InputError(f"{out}: cannot be written to: {error.strerror}") from None
    return len(new)


@dataclass(frozen=True)
class _Found:
    """A folder of a study: a grid, a cell, a trial or a measurement.

    Attributes:
        place: in its study, as ``cells/<id>``.
        sums: the checksums of its files, as they are written: the same of the same files alone.
    """

    study: Path
    place: str
    content: StoredGrid | Record | Measurement
    sums: bytes

    @property
    def folder(self) -> Path:
        return self.study / self.place

    @property
    def worth(self) -> tuple[Any, ...]:
        """By what one is preferred to another of the same place."""
        one = self.content
        if isinstance(one, StoredGrid):
            has_samples = places.table_file(places.SAMPLES).encode() in self.sums
            return has_samples, one.run_utc, self.sums
        if isinstance(one, Record):
            has_weights = one.weights is not None
            has_predictions = places.table_file(places.PREDICTIONS).encode() in self.sums
            kept = one.failure is None, has_weights, len(one.metrics), has_predictions
            return *kept, one.finished_utc, self.sums
        return one.failure is None, -len(one.problems), one.measured_utc, self.sums


def _all_of(results: Results) -> Iterator[_Found]:
    for place, content in results.kept().items():
        sums = (results.folder / place / checksums.FILE).read_bytes()
        yield _Found(results.folder, place, content, sums)


def _check_comparable(one: Results, other: Results) -> None:
    """Raise an error if the leaderboards of two studies cannot be one."""
    both = f"{one.folder} and {other.folder}: cannot be merged"
    known, contracts = one.contracts(), other.contracts()
    for name in sorted(known.keys() & contracts.keys()):
        before, after = known[name], contracts[name]
        if before.source_sha256 != after.source_sha256:
            raise InputError(
                f"{both}: the metric {printable(name)} is computed by other code: "
                f"{before.source_sha256[:12]} (version {before.version}) and "
                f"{after.source_sha256[:12]} (version {after.version}); run one of them again with "
                "the code of the other, which computes it from the kept scores"
            )
    grids = other.grids_by_setting()
    for setting, of_one in one.grids_by_setting().items():
        if setting not in grids:
            continue
        before_all, after_all = latest_provenance(of_one), latest_provenance(grids[setting])
        why = _changes(before_all, known_to(before_all, after_all))
        if why is not None:
            raise InputError(
                f"{both}: rows of one leaderboard would not be comparable: {why}; run the grids of "
                "one of them again with what the other has"
            )


def _choose(alike: Sequence[_Found]) -> _Found:
    """Return which of several folders of the same place is kept.

    Raises:
        InputError: they are not the same.
    """
    best = max(alike, key=lambda each: each.worth)
    for other in alike:
        if isinstance(best.content, Record) and isinstance(other.content, Record):
            why = _difference(best.content, other.content)
            if why is not None:
                label = printable(best.content.cell.label)
                raise InputError(
                    f"{best.folder} and {other.folder}: {label}: cannot be merged: {why}; delete "
                    "one of the folders to keep the other"
                )
    return best


def _difference(one: Record, other: Record) -> str | None:
    """Why two records of one id are not of the same cell, or have other figures."""
    before, after = one.provenance, other.provenance
    why = _changes(before, after) or _changes(after, before)
    if why is not None or one.failure is not None or other.failure is not None:
        return why
    only = other.metrics.keys() - one.metrics.keys()
    if only:  # the first has as many metrics, or weights that the second has not
        what = "a metric" if one.metrics.keys() - other.metrics.keys() else "weights or a metric"
        return f"each has {what} that the other has not; {min(only)} is in the second alone"
    for name, digest in sorted(other.metrics.items()):
        if one.metrics[name] != digest:
            return f"{name} is computed by other code"
        for what, first, second in (
            (name, one.summary, other.summary),
            (f"the consistency's {name}", one.consistency, other.consistency),
        ):
            values = (first or {}).get(name), (second or {}).get(name)
            if not _same(*values):
                return f"{what} is {values[0]} and {values[1]}"
    if not _same(one.val_score, other.val_score):
        return f"its score on the validation images is {one.val_score} and {other.val_score}"
    return None


def _changes(before: Provenance, after: Provenance) -> str | None:
    """What differs, in a line that names no more files than can be read; None if nothing does."""
    return shortened(printable(", ".join(changed(before, after))), SHOWN) or None


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=ROUNDING, abs_tol=ROUNDING)


def _copy(source: Path, target: Path) -> None:
    with atomic_folder(target) as partial:
        for name in [*checksums.listed(source), checksums.FILE]:
            shutil.copyfile(source / name, partial / name)
        problem = checksums.problem(partial)
        if problem is not None:
            raise InputError(f"{source}: {problem}, while it was copied")
