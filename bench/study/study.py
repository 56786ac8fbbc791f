"""A study on disk, and the only code that writes to it (see `bench.study.places`).

The folder of a cell or a measurement exists if and only if it is finished: it is written under a
temporary name, flushed to the disk, and renamed once. What is still to run is the set of cells
without a folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from bench.errors import InputError
from bench.files import atomic_folder, remove_folder, remove_leftovers
from bench.settings.base import STORED
from bench.settings.cell import Cell
from bench.settings.grid import Grid
from bench.study import checksums, places
from bench.study.measurement import Measurement
from bench.study.record import Leakage, MetricContract, Provenance, Record
from bench.study.results import Race, Results, StoredGrid
from bench.text import printable, shortened

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 300  # characters of what is wrong with a file
Kept = TypeVar("Kept", StoredGrid, Record, Measurement)


class Study:
    """The study in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._has_grid = False  # that was written from here

    def load(self) -> Results:
        """Read all but the scores.

        Raises:
            InputError: the folder holds no study, or one of an earlier format.
        """
        if not (self.folder / places.GRIDS).is_dir():
            raise InputError(self._no_study())
        return self.load_or_empty()

    def load_or_empty(self) -> Results:
        """Read all but the scores; nothing has been run into a folder that is not there.

        Raises:
            InputError: the folder holds a study of an earlier format.
        """
        if (self.folder / places.GRID_FILE).exists():
            raise InputError(self._no_study())
        damaged: dict[str, str] = {}
        grids = self._read_all(places.GRIDS, places.GRID_FILE, StoredGrid, damaged)
        results = Results(
            folder=self.folder,
            grids=tuple(sorted(grids.values(), key=lambda stored: stored.run_utc, reverse=True)),
            records=self._read_all(places.CELLS, places.RECORD_FILE, Record, damaged),
            trials=self._read_all(places.TRIALS, places.RECORD_FILE, Record, damaged),
            measurements=self._read_all(
                places.THROUGHPUT, places.MEASUREMENT_FILE, Measurement, damaged
            ),
            damaged=damaged,
        )
        _set_impossible_apart(results)
        return results

    def _no_study(self) -> str:
        if (self.folder / places.GRID_FILE).exists():
            return f"{self.folder}: holds a study of format 1; `bench migrate {self.folder}` first"
        if self.folder.is_file():
            return (
                f"{self.folder}: is a file, and a study is a folder; if it is a bundle, `bench "
                f"unbundle {self.folder} FOLDER` unpacks it"
            )
        return f"{self.folder}: holds no study; give the folder that `bench run` wrote"

    def write_grid(
        self,
        grid: Grid,
        provenance: Provenance,
        metrics: dict[str, MetricContract],
        leakage: Leakage | None = None,
        race: Race | None = None,
        *,
        samples: pd.DataFrame | None = None,
    ) -> None:
        """Keep what was asked, so that a report can tell what is missing or stale.

        Args:
            grid: the question.
            provenance: see `StoredGrid`.
            metrics: see there.
            leakage: see there.
            race: see there.
            samples: the test images whose predictions are kept of each cell, where any are.
        """
        stored = StoredGrid(
            grid=grid,
            provenance=provenance,
            metrics=metrics,
            leakage=leakage,
            race=race,
            run_utc=datetime.now(UTC),
        )
        with self._adding(places.GRIDS, stored.id) as partial:
            (partial / places.GRID_FILE).write_bytes(_as_json(stored))
            if samples is not None:
                _write_table(partial / places.table_file(places.SAMPLES), samples)
            checksums.write(partial)
        self._has_grid = True

    def replace_grid(self, before: StoredGrid, after: StoredGrid) -> None:
        """Keep a grid that was run in place of what it was: the same cells, other metrics."""
        place = self.folder / places.GRIDS / before.id
        with self._adding(places.GRIDS, after.id) as partial:
            kept = checksums.listed(place)
            kept.pop(places.GRID_FILE, None)
            for name in kept:
                with suppress(FileNotFoundError):
                    shutil.copyfile(place / name, partial / name)
            (partial / places.GRID_FILE).write_bytes(_as_json(after))
            checksums.write(partial, kept)
        if after.id != before.id:
            remove_folder(place)

    def write_cell(
        self, record: Record, tables: dict[str, pd.DataFrame], weights: bytes | None = None
    ) -> None:
        """Add a finished cell, or trial, in place of what is there of it.

        Args:
            record: of the cell.
            tables: its scores by `places.SCORES`, what metrics make of them by `places.VALUES`,
                `places.CONSISTENCY`, and `places.PREDICTIONS`; none of a failed one.
            weights: of its network, as a file of safetensors.

        Raises:
            InputError: the study has been deleted, or cannot be written to; so of all that writes.
        """
        place, cell_id = places.of_cell(record.cell).split("/")
        with self._adding(place, cell_id) as partial:
            (partial / places.RECORD_FILE).write_bytes(_as_json(record))
            for table, content in tables.items():
                _write_table(partial / places.table_file(table), content)
            if weights is not None:
                (partial / places.WEIGHTS_FILE).write_bytes(weights)
            checksums.write(partial)

    def read_cell(self, cell: Cell) -> Record | None:
        """Read what there is of one cell, or trial, at this moment; None if it is damaged."""
        found = _read(self.folder / places.of_cell(cell), places.RECORD_FILE, Record)
        return None if isinstance(found, str) else found

    def write_measurement(self, measurement: Measurement) -> None:
        """Add what was measured of a network on a machine, in place of what is there of it."""
        with self._adding(places.THROUGHPUT, measurement.id) as partial:
            (partial / places.MEASUREMENT_FILE).write_bytes(_as_json(measurement))
            checksums.write(partial)

    @contextmanager
    def _adding(self, place: str, name: str) -> Iterator[Path]:
        """Give an empty folder to fill, which is then part of the study."""
        if self._has_grid and not (self.folder / places.GRIDS).is_dir():
            raise InputError(f"{self.folder}: was removed during the run, which ends here")
        try:
            with atomic_folder(self.folder / place / name) as partial:
                yield partial
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be written to: {error.strerror or error}; all that was "
                "finished before is kept, and the same command goes on from there"
            ) from None

    def clear_up(self) -> None:
        """Remove what earlier runs that were killed had begun to write."""
        for place in (places.GRIDS, places.CELLS, places.TRIALS, places.THROUGHPUT):
            remove_leftovers(self.folder / place)
        remove_leftovers(self.folder / places.CHECKPOINTS)

    def forget_checkpoint(self, name: str) -> None:
        """Remove the checkpoint of a cell, or of what several share, if there is one."""
        shutil.rmtree(self.folder / places.CHECKPOINTS / name, ignore_errors=True)
        remove_leftovers(self.folder / places.CHECKPOINTS, name)

    def _read_all(
        self, place: str, file: str, kind: type[Kept], damaged: dict[str, str]
    ) -> dict[str, Kept]:
        found = {}
        for folder in sorted((self.folder / place).glob("[!.]*")):
            kept = _read(folder, file, kind)
            if isinstance(kept, str):
                damaged[f"{place}/{folder.name}"] = kept
            else:
                found[folder.name] = kept
        return found


def _read(folder: Path, file: str, kind: type[Kept]) -> Kept | str:
    """What a folder holds, or what is wrong with it."""
    problem = checksums.problem(folder, [file])
    if problem is not None:
        return problem
    try:
        kept = kind.model_validate_json((folder / file).read_bytes(), context=STORED)
        return _misplaced(kept, folder) or kept
    except (OSError, ValueError) as error:  # a network's option that is NaN has no id
        return f"{file}: {_reason(error)}"


def _set_impossible_apart(results: Results) -> None:
    """Take records out whose figures are in no range of their metrics."""
    contracts = results.contracts()
    for cell_id, record in list(results.records.items()):
        for name, value in [*(record.summary or {}).items(), *(record.consistency or {}).items()]:
            contract = contracts.get(name)
            if contract is None or record.metrics[name] != contract.source_sha256:
                continue
            if not contract.allows(value):
                place = f"{places.CELLS}/{cell_id}"
                results.damaged[place] = f"{places.RECORD_FILE}: {name} cannot be {value}"
                results.records.pop(cell_id, None)


def _misplaced(kept: StoredGrid | Record | Measurement, folder: Path) -> str | None:
    """What is wrong with the place of something, or with what has to be beside it."""
    name = kept.cell.id if isinstance(kept, Record) else kept.id
    if name != folder.name:
        return f"holds what belongs to {name}"
    if isinstance(kept, Record):
        tables = [places.SCORES] if kept.summary is not None else []
        tables += [places.CONSISTENCY] if kept.consistency is not None else []
        files = [places.table_file(table) for table in tables]
        for file in [*files, *([places.WEIGHTS_FILE] if kept.weights else [])]:
            if not (folder / file).is_file():
                return f"{file}: is not there"
    return None


def _write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table; without statistics, which would hold some of its images once more."""
    table.to_parquet(path, index=False, write_statistics=False)


def _as_json(content: BaseModel) -> bytes:
    return content.model_dump_json(indent=2).encode() + b"\n"


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})"
    text = str(error)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        text = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return shortened(printable(text), SHOWN)
