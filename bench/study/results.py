"""What a study holds, read once: reports and statistics are functions of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

from bench.errors import InputError
from bench.settings import identity
from bench.settings.grid import Grid
from bench.study import checksums, places
from bench.study.measurement import Measurement
from bench.study.record import Frozen, Leakage, MetricContract, Provenance, Record

if TYPE_CHECKING:
    import pandas as pd


class StoredGrid(Frozen):
    """A grid that was run into the study.

    Attributes:
        provenance: what the settings of its cells led to when it was run last.
        metrics: what its cells were scored by, then.
        leakage: what training knew of the test samples; None where it was not looked at.
        run_utc: when that was.
    """

    format: Literal[2] = 2
    grid: Grid
    provenance: Provenance
    metrics: dict[str, MetricContract]
    leakage: Leakage | None = None
    run_utc: datetime

    @property
    def id(self) -> str:
        """Of the cells and the metrics that were asked for."""
        cells: list[JsonValue] = [cell.id for cell in self.grid.cells()]
        return identity.digest([cells, *self.grid.metrics])


@dataclass(frozen=True)
class Results:
    """A study as it was when it was read.

    Attributes:
        folder: where it lies.
        grids: that were run into it, the latest first.
        records: of the finished cells, complete or failed, by the cell's id.
        measurements: of speed, by their ids.
        damaged: what could not be read, or is not what was written: the reason by the place in the
            folder, as ``cells/<id>``.
    """

    folder: Path
    grids: tuple[StoredGrid, ...]
    records: dict[str, Record]
    measurements: dict[str, Measurement]
    damaged: dict[str, str]

    def contracts(self) -> dict[str, MetricContract]:
        """Return what each metric is; as the latest grid has it."""
        return {
            name: contract
            for stored in reversed(self.grids)
            for name, contract in stored.metrics.items()
        }

    def has_values(self, cell_id: str) -> bool:
        """Return whether each metric's value of each image is kept of a cell."""
        name = places.table_file(places.VALUES)
        return (self.folder / places.CELLS / cell_id / name).exists()

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
            InputError: they are damaged, or an earlier version of this project kept no values.
        """
        import pandas as pd  # noqa: PLC0415 - takes long, and a report needs none

        folder = self.folder / places.CELLS / cell_id
        name = places.table_file(table)
        problem = checksums.problem(folder, [name])
        if problem is not None:
            raise InputError(f"{folder}: {problem}; delete the folder to run the cell again")
        return pd.read_parquet(folder / name)
