"""Where things lie in a study's folder.

| place | what |
|---|---|
| ``grids/<id>/grid.json`` | a grid that was run into the study |
| ``cells/<id>/record.json`` | a finished cell: settings, provenance, figures, training curve |
| ``cells/<id>/scores.parquet`` | its scores, one row a test image |
| ``cells/<id>/values.parquet`` | what each metric makes of them, one row a test image |
| ``cells/<id>/consistency.parquet`` | the same of what a teacher sees, where there is one |
| ``throughput/<id>/measurement.json`` | the speed of a network on a machine |
| ``.../SHA256SUMS`` | the checksums of the files beside it |
"""

from __future__ import annotations

GRIDS = "grids"
CELLS = "cells"
THROUGHPUT = "throughput"
GRID_FILE = "grid.json"  # which a study of format 1 has in its own folder
RECORD_FILE = "record.json"
MEASUREMENT_FILE = "measurement.json"
SCORES = "scores"
VALUES = "values"
CONSISTENCY = "consistency"


def table_file(table: str) -> str:
    """Return the file name of a table of scores."""
    return f"{table}.parquet"
