"""A study on disk: the grid that was asked, a folder for each finished cell, and its throughput.

A cell's folder exists if and only if the cell is finished: it is written under a temporary name,
flushed to the disk, and renamed once. What is still to run is the set of cells without a folder.
Likewise there is one file for each network whose throughput was measured.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from bench.errors import InputError
from bench.settings.grid import Grid
from bench.study.measurement import Measurement
from bench.study.record import Record

GRID_FILE = "grid.json"
RECORD_FILE = "record.json"
SCORES_FILE = "scores.parquet"


class Study:
    """The study in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cells = folder / "cells"
        self._throughput = folder / "throughput"

    def read_grid(self) -> Grid:
        """The grid that was run last.

        Raises:
            InputError: the folder holds no study.
        """
        path = self.folder / GRID_FILE
        try:
            return Grid.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise InputError(
                f"{self.folder}: holds no study; give the folder that `bench run` wrote"
            ) from None
        except ValidationError as error:
            raise InputError(f"{path}: damaged ({error.errors()[0]['msg']})") from None

    def write_grid(self, grid: Grid) -> None:
        """Keep what was asked, so that a report can tell what is missing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / GRID_FILE, grid.model_dump_json(indent=2))

    def finished(self) -> set[str]:
        """The ids of the cells that have a record."""
        if not self._cells.is_dir():
            return set()
        return {path.name for path in self._cells.iterdir() if not path.name.startswith(".")}

    def read(self, cell_id: str) -> Record:
        """The record of a finished cell.

        Raises:
            InputError: the record is damaged.
        """
        path = self._cells / cell_id / RECORD_FILE
        try:
            return Record.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise InputError(
                f"{path}: cannot be read; delete the folder to run the cell again ({error})"
            ) from None

    def read_scores(self, cell_id: str) -> pd.DataFrame:
        """The per-image scores of a complete cell."""
        return pd.read_parquet(self._cells / cell_id / SCORES_FILE)

    def append(self, record: Record, scores: pd.DataFrame | None) -> None:
        """Add a finished cell; one that is there already stays as it is."""
        self._cells.mkdir(parents=True, exist_ok=True)
        folder = self._cells / record.cell.id
        partial = Path(tempfile.mkdtemp(dir=self._cells, prefix=f".{folder.name}-"))
        try:
            text = record.model_dump_json(indent=2) + "\n"
            (partial / RECORD_FILE).write_text(text, encoding="utf-8")
            if scores is not None:
                scores.to_parquet(partial / SCORES_FILE, index=False)
            for path in partial.iterdir():
                _flush(path)
            partial.chmod(0o755)
            try:
                partial.rename(folder)
            except OSError:
                if not folder.exists():
                    raise
            _flush(self._cells)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def remove(self, cell_id: str) -> None:
        """Forget a finished cell."""
        shutil.rmtree(self._cells / cell_id)

    def read_throughput(self) -> dict[str, Measurement]:
        """What was measured, by the case's id.

        Raises:
            InputError: a file is damaged.
        """
        found = {}
        for path in sorted(self._throughput.glob("[!.]*.json")):
            try:
                found[path.stem] = Measurement.model_validate_json(path.read_bytes())
            except (OSError, ValidationError) as error:
                raise InputError(
                    f"{path}: cannot be read; delete it to measure again ({error})"
                ) from None
        return found

    def append_throughput(self, result: Measurement) -> None:
        """Add or replace what was measured of one network."""
        self._throughput.mkdir(parents=True, exist_ok=True)
        _write(self._throughput / f"{result.case.id}.json", result.model_dump_json(indent=2))

    def remove_throughput(self, subject_id: str) -> None:
        """Forget what was measured of one network."""
        (self._throughput / f"{subject_id}.json").unlink()


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        _flush(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have the system write a file's or folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
