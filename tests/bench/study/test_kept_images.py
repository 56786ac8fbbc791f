"""Images in a study's tables come back as they were, and nothing else is taken for one."""

import bundle_maker
import numpy as np
import pytest

from bench.errors import DamagedError
from bench.study import places
from bench.study.kept_images import as_table, read_predictions
from bench.study.study import Study

SIZE = (64, 64)
LEVELS = np.arange(64 * 64).reshape(SIZE).astype(np.uint8)


@pytest.fixture
def read(tmp_path):
    """What is read of a cell whose table of predictions is the given one."""

    def read(table):
        study = Study(bundle_maker.make_study(tmp_path / "study"))
        (record,) = [r for r in study.load().records.values() if r.cell.loss is not None]
        scores = study.load().scores(record.cell.id)
        study.write_cell(record, {places.SCORES: scores, places.PREDICTIONS: table})
        return read_predictions(study.load(), record)

    return read


def test_levels_come_back_to_the_last_one(read):
    kept = read(as_table(["b", "a"], {"mask": [LEVELS, LEVELS.T], "depth": [LEVELS // 2] * 2}))
    assert kept.keys == ("b", "a")
    assert np.array_equal(kept.images["mask"], [LEVELS, LEVELS.T])
    assert np.array_equal(kept.images["depth"], [LEVELS // 2] * 2)


@pytest.mark.parametrize(
    ("images", "why"),
    [
        ({"mask": [LEVELS[:32]]}, "mask: holds an image of another kind than 64x64 px in L"),
        ({"mask": [np.dstack([LEVELS] * 3)]}, "another kind than 64x64 px in L"),
        ({"composite": [LEVELS]}, "composite: holds an image of another kind than 64x64 px in RGB"),
    ],
)
def test_images_of_another_kind_are_damage(read, images, why):
    with pytest.raises(DamagedError, match=why):
        read(as_table(["a"], images))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no image", "holds no readable image"),
        (b"\x89PNG\r\n\x1a\n", "holds no readable image"),
        (7, "holds what is no image"),
    ],
)
def test_what_is_no_image_is_damage(read, content, why):
    with pytest.raises(DamagedError, match=f"predictions.parquet: depth: {why}"):
        read(as_table(["a"], {}).assign(depth=[content]))


def test_a_table_without_keys_is_damage(read):
    with pytest.raises(DamagedError, match="key"):
        read(as_table(["a"], {"mask": [LEVELS]}).drop(columns="key"))
