"""Where things lie in a study's folder.

| place | what |
|---|---|
| ``grids/<id>/grid.json`` | a grid that was run into the study |
| ``grids/<id>/samples.parquet`` | the test images whose predictions are kept, and their truth |
| ``cells/<id>/record.json`` | a finished cell: settings, provenance, figures, training curve |
| ``cells/<id>/scores.parquet`` | its scores, one row a test image |
| ``cells/<id>/values.parquet`` | what each metric makes of them, one row a test image |
| ``cells/<id>/weights.safetensors`` | the weights of its network |
| ``cells/<id>/consistency.parquet`` | the same of what a teacher sees, where there is one |
| ``cells/<id>/predictions.parquet`` | what its network predicts of these test images |
| ``trials/<id>/record.json`` | a trial of the search for a row's recipe; it has no scores |
| ``throughput/<id>/measurement.json`` | the speed of a network on a machine |
| ``checkpoints/<id>/`` | where the training of a cell stands that is not finished |
| ``claims/<id>`` | that a run is at work on a cell |
| ``slurm/`` | what a run and its jobs on a cluster tell each other |
| ``tracking/<name>/`` | what a tracker was told; nothing here reads it |
| ``.../SHA256SUMS`` | the checksums of the files beside it |
"""

from __future__ import annotations

import re
from pathlib import Path

from bench.settings.cell import Cell
from bench.study import checksums

GRIDS = "grids"
CELLS = "cells"
TRIALS = "trials"
THROUGHPUT = "throughput"
CHECKPOINTS = "checkpoints"
CLAIMS = "claims"
SLURM = "slurm"
TRACKING = "tracking"
GRID_FILE = "grid.json"  # which a study of format 1 has in its own folder
RECORD_FILE = "record.json"
MEASUREMENT_FILE = "measurement.json"
WEIGHTS_FILE = "weights.safetensors"
SCORES = "scores"
VALUES = "values"
CONSISTENCY = "consistency"
PREDICTIONS = "predictions"
SAMPLES = "samples"


def of_cell(cell: Cell) -> str:
    """Return the place of a cell, or of a trial."""
    return f"{CELLS if cell.trial is None else TRIALS}/{cell.id}"


def table_file(table: str) -> str:
    """Return the file name of a table."""
    return f"{table}.parquet"


_FILES = {  # beside their checksums
    GRIDS: {GRID_FILE, table_file(SAMPLES)},
    CELLS: {
        RECORD_FILE,
        WEIGHTS_FILE,
        *map(table_file, (SCORES, VALUES, CONSISTENCY, PREDICTIONS)),
    },
    TRIALS: {RECORD_FILE},
    THROUGHPUT: {MEASUREMENT_FILE},
}
_FILE = re.compile(r"(?P<place>[a-z]+)/[0-9a-f]{12}(-[0-9a-f]{8})?/(?P<name>[A-Za-z0-9_.]+)")


_OWN = (GRIDS, CELLS, TRIALS, THROUGHPUT, CHECKPOINTS, CLAIMS, SLURM, TRACKING, GRID_FILE)


def is_own_place(folder: Path, path: Path) -> bool:
    """Return whether a path leads to where only a study itself may write.

    Args:
        folder: of the study.
        path: as a user gives it; links on the way are followed.
    """
    own = (folder / name for name in _OWN)
    return any(path.resolve().is_relative_to(place.resolve()) for place in own)


def is_file_of_study(path: str) -> bool:
    """Return whether a study can have a file at this path in its folder, as the table above says.

    Such a path leads to no other folder.
    """
    found = _FILE.fullmatch(path)
    if found is None or found["place"] not in _FILES:
        return False
    return found["name"] in {checksums.FILE, *_FILES[found["place"]]}
