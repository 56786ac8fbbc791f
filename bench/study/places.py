"""Where things lie in a study's folder.

| place | what |
|---|---|
| ``grids/<id>/grid.json`` | a grid that was run into the study |
| ``cells/<id>/record.json`` | a finished cell: settings, provenance, figures, training curve |
| ``cells/<id>/scores.parquet`` | its scores, one row a test image |
| ``cells/<id>/values.parquet`` | what each metric makes of them, one row a test image |
| ``cells/<id>/consistency.parquet`` | the same of what a teacher sees, where there is one |
| ``trials/<id>/record.json`` | a trial of the search for a row's recipe; it has no scores |
| ``throughput/<id>/measurement.json`` | the speed of a network on a machine |
| ``.../SHA256SUMS`` | the checksums of the files beside it |
"""

from __future__ import annotations

from bench.settings.grid import Cell

GRIDS = "grids"
CELLS = "cells"
TRIALS = "trials"
THROUGHPUT = "throughput"
GRID_FILE = "grid.json"  # which a study of format 1 has in its own folder
RECORD_FILE = "record.json"
MEASUREMENT_FILE = "measurement.json"
SCORES = "scores"
VALUES = "values"
CONSISTENCY = "consistency"


def of_cell(cell: Cell) -> str:
    """Return the place of a cell, or of a trial."""
    return f"{CELLS if cell.trial is None else TRIALS}/{cell.id}"


def table_file(table: str) -> str:
    """Return the file name of a table of scores."""
    return f"{table}.parquet"
