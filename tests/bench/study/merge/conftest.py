"""Studies of given records, to be merged."""

import pytest
import study_maker
from studies_to_merge import CELL, GRID, IOU, records_of

from bench.study.study import Study


@pytest.fixture
def make(tmp_path):
    """Writes a study into a folder of that name."""

    def make(name, grid=GRID, records=None, measurements=()):
        study = Study(tmp_path / name)
        study_maker.keep(study, grid, records_of(grid) if records is None else records)
        for one in measurements:
            study.write_measurement(one)
        return study.folder

    return make


@pytest.fixture
def pair(make):
    """Two studies of the same grid, of which one cell each is as it is told."""

    def pair(one, other):
        of_one = study_maker.record(CELL, **{"summary": {"iou": IOU}} | one)
        of_other = study_maker.record(CELL, **{"summary": {"iou": IOU}} | other)
        return make("a", records=[of_one]), make("b", records=[of_other])

    return pair
