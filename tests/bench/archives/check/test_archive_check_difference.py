import numpy as np
import pytest

from bench.archives.check import masks
from bench.archives.check.difference import change, significant


def scene(seed=0):
    return np.random.default_rng(seed).integers(40, 200, (64, 64, 3)).astype(np.uint8)


def square():
    mask = np.zeros((64, 64), bool)
    mask[10:30, 20:40] = True
    return mask


@pytest.mark.parametrize("known", [True, False])
def test_exposure_is_no_change_and_an_object_is(known):
    background, mask = scene(), square()
    composite = np.rint(background * [0.8, 1.1, 0.9] + [5, -10, 20]).astype(np.uint8)
    composite[mask] = 255
    found = change(composite, background, mask if known else None)
    assert found[~mask].max() < 2
    assert np.median(found[mask]) > 50


def test_what_differs_within_noise_is_not_significant():
    found = np.full((4, 4), 10, np.float32)
    found[0] = [30, 39, 41, 80]
    everywhere = np.ones((4, 4), bool)
    np.testing.assert_array_equal(significant(found, everywhere)[0], [False, False, True, True])
    np.testing.assert_array_equal(significant(found / 10, everywhere)[0], [False] * 4)


def test_order_is_the_share_of_pairs_in_the_right_order():
    found = np.array([[3, 1], [2, 0]], np.float32)
    assert masks._order(found, np.array([[1, 0], [0, 0]], bool)) == 1
    assert masks._order(found, np.array([[0, 0], [1, 0]], bool)) == pytest.approx(2 / 3)
    assert masks._order(np.zeros((2, 2), np.float32), np.eye(2, dtype=bool)) == 0.5


def test_overlap_is_the_iou_with_what_changed():
    found = np.zeros((64, 64), np.float32)
    found[10:30, 30:50] = 90
    assert masks._overlap(found, square()) == pytest.approx(200 / 600)
