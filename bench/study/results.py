"""What a study holds, read once: reports and statistics are functions of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime, JsonValue

from bench.errors import DamagedError, InputError, suggestion
from bench.settings import identity
from bench.settings.cell import Cell
from bench.settings.grid import Grid
from bench.study import checksums, places
from bench.study.measurement import Measurement
from bench.study.record import Frozen, Leakage, MetricContract, Provenance, Record

if TYPE_CHECKING:
    import pandas as pd


class Race(Frozen):
    """That seeds were spent only on rows that may be the best, see `bench.study.race`.

    Attributes:
        metric: by which rows were compared.
        looks: after how many seeds of a row it was decided whether it gets more.
        error: the probability that the best row of all gets no more, over all looks.
    """

    metric: str
    looks: tuple[int, ...]
    error: float = 0.05


class StoredGrid(Frozen):
    """A grid that was run into the study.

    Attributes:
        provenance: what the settings of its cells led to when it was run last.
        metrics: what its cells were scored by, then.
        leakage: what training knew of the test samples; None where it was not looked at.
        race: whether its rows had to race for their seeds.
        run_utc: when that was.
    """

    format: Literal[2] = 2
    grid: Grid
    provenance: Provenance
    metrics: dict[str, MetricContract]
    leakage: Leakage | None = None
    race: Race | None = None
    run_utc: AwareDatetime

    @property
    def id(self) -> str:
        """Of the trained cells and the metrics that were asked for.

        Trivial baselines are no part of it: one that a later version adds changes no id.
        """
        cells: list[JsonValue] = [c.id for c in self.grid.cells() if c.loss is not None]
        return identity.digest([cells, *self.grid.metrics])


@dataclass(frozen=True)
class Results:
    """A study as it was when it was read.

    Attributes:
        folder: where it lies.
        grids: that were run into it, the latest first.
        records: of the finished cells, complete or failed, by the cell's id.
        trials: the same of the trials by which recipes were found.
        measurements: of speed, by their ids.
        damaged: what could not be read, or is not what was written: the reason by the place in the
            folder, as ``cells/<id>``.
    """

    folder: Path
    grids: tuple[StoredGrid, ...]
    records: dict[str, Record]
    trials: dict[str, Record]
    measurements: dict[str, Measurement]
    damaged: dict[str, str]

    def kept(self) -> dict[str, StoredGrid | Record | Measurement]:
        """Return all that was read, by its place in the folder, as ``cells/<id>``."""
        parts: dict[str, Mapping[str, StoredGrid | Record | Measurement]] = {
            places.GRIDS: {stored.id: stored for stored in self.grids},
            places.CELLS: self.records,
            places.TRIALS: self.trials,
            places.THROUGHPUT: self.measurements,
        }
        return {
            f"{part}/{name}": one for part, found in parts.items() for name, one in found.items()
        }

    def grids_by_setting(self) -> dict[str, list[StoredGrid]]:
        """Return the grids that share data, budget and search, the latest first in each list."""
        by_setting: dict[str, list[StoredGrid]] = {}
        for stored in self.grids:
            setting = next(cell.setting for cell in stored.grid.cells() if cell.loss is not None)
            by_setting.setdefault(identity.digest(setting), []).append(stored)
        return by_setting

    def record_of(self, cell: Cell) -> Record | None:
        """Return what there is of a cell, or of a trial."""
        return (self.records if cell.trial is None else self.trials).get(cell.id)

    def cells(self, grid: Grid) -> Iterator[Cell]:
        """Give the cells of a grid, those of a tuned one with the recipes that were found.

        A row's recipe is that of its best trial, the first of several, when all trials are there;
        before that its cells have the recipe that the search starts from.
        """
        for cell in grid.cells():
            trials = [self.trials.get(trial.id) for trial in cell.trials()]
            finished = [trial for trial in trials if trial is not None]
            if cell.tuning is not None and len(finished) == len(trials):
                best = max(finished, key=_worth)
                train = cell.tuning.with_found(cell.train, best.cell.found)
                yield cell.model_copy(update={"train": train})
            else:
                yield cell

    def contracts(self) -> dict[str, MetricContract]:
        """Return what each metric is; as the latest grid has it."""
        return {
            name: contract
            for stored in reversed(self.grids)
            for name, contract in stored.metrics.items()
        }

    def has_values(self, cell_id: str) -> bool:
        """Return whether each metric's value of each image was kept of a cell.

        Raises:
            DamagedError: the list of what was kept is damaged.
        """
        return _was_kept(self.folder / places.CELLS / cell_id, places.VALUES)

    def find(self, cell: str) -> Record:
        """Return the record of the cell, or trial, whose id begins so.

        Raises:
            InputError: there is none, or more than one.
        """
        records = self.records | self.trials
        found = [cell_id for cell_id in records if cell_id.startswith(cell)]
        if len(found) != 1:
            many = "several cells" if found else "no finished cell"
            near = suggestion(cell, found or records)
            raise InputError(f"{cell}: is the id of {many}{near}")
        return records[found[0]]

    def weights(self, record: Record) -> bytes | None:
        """Read the weights of a cell's network, a file of safetensors; None if there are none.

        Raises:
            DamagedError: they are damaged.
        """
        if record.weights is None:
            return None
        folder = self.folder / places.CELLS / record.cell.id
        _check(folder, places.WEIGHTS_FILE)
        return (folder / places.WEIGHTS_FILE).read_bytes()

    def scores(self, cell_id: str, table: str = places.SCORES) -> pd.DataFrame:
        """Read the per-image scores of a complete cell.

        Args:
            cell_id: which cell.
            table: ``scores``; ``values`` of each metric; ``consistency`` of a cell with a teacher.

        Returns:
            One row a test image: ``key``, and of ``values`` each metric; of the others
            ``group_<column>`` for each column of the archive by which samples can be grouped, and
            the sums that the metrics read.

        Raises:
            DamagedError: they are damaged, or an earlier version of this project kept no values.
        """
        folder = self.folder / places.CELLS / cell_id
        found = _table(folder, table)
        for name, dtype in found.dtypes.items():
            if dtype.kind not in "biuf" and name != "key" and not str(name).startswith("group_"):
                raise _lost(folder, f"{places.table_file(table)}: {name} holds no numbers")
        return found

    def predictions(self, cell_id: str) -> pd.DataFrame | None:
        """Read the table of a complete cell's predictions; None if none are kept.

        It is as `bench.study.kept_images` has it, which reads the images in it.

        Raises:
            DamagedError: it is damaged.
        """
        return _table_if_kept(self.folder / places.CELLS / cell_id, places.PREDICTIONS)

    def samples(self, stored: StoredGrid) -> pd.DataFrame | None:
        """Read the same of the samples that a grid's cells keep predictions of."""
        return _table_if_kept(self.folder / places.GRIDS / stored.id, places.SAMPLES)


def _table_if_kept(folder: Path, table: str) -> pd.DataFrame | None:
    return _table(folder, table) if _was_kept(folder, table) else None


def _was_kept(folder: Path, table: str) -> bool:
    """Whether a table is there, or the checksums list it: either may be lost."""
    name = places.table_file(table)
    try:
        return (folder / name).exists() or name in checksums.listed(folder)
    except ValueError as error:
        raise _damaged(folder, str(error)) from None


def _table(folder: Path, table: str) -> pd.DataFrame:
    """A table of images: checksums may fit one that no run of this project wrote."""
    import pandas as pd  # noqa: PLC0415 - takes long, and a report needs none

    name = places.table_file(table)
    _check(folder, name)
    try:
        found = pd.read_parquet(folder / name)
    except Exception as error:  # noqa: BLE001 - whatever the reader stumbles over
        raise _lost(folder, f"{name}: cannot be read ({error})") from None
    keys = found.get("key")
    if keys is None or keys.hasnans or pd.api.types.infer_dtype(keys) != "string":
        raise _lost(folder, f"{name}: does not say of which images it is")
    if not keys.is_unique:
        raise _lost(folder, f"{name}: has an image twice")
    return found


def _check(folder: Path, name: str) -> None:
    problem = checksums.problem(folder, [name])
    if problem is not None:
        raise _lost(folder, problem)


def _lost(folder: Path, why: str) -> DamagedError:
    return _damaged(folder, f"{why}; delete the folder to run the cell again")


def _damaged(folder: Path, why: str) -> DamagedError:
    gone = "has been moved or deleted since the study was read"
    return DamagedError(f"{folder}: {why if folder.is_dir() else gone}")


def latest_provenance(grids: Sequence[StoredGrid]) -> Provenance:
    """Return what there was behind the cells of some grids when each was run last.

    Args:
        grids: with one setting, the latest first.
    """
    oldest_first = [stored.provenance for stored in reversed(grids)]
    return Provenance(
        data=grids[0].provenance.data,
        split=grids[0].provenance.split,
        weights={what: digest for one in oldest_first for what, digest in one.weights.items()},
        sources={what: files for one in oldest_first for what, files in one.sources.items()},
    )


def _worth(trial: Record) -> float:
    """What a trial is compared by; one that failed is worth less than any other."""
    return -math.inf if trial.val_score is None else trial.val_score
