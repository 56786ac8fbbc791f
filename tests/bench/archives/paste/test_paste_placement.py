"""The recipes' ranges."""

import numpy as np
import pytest

from bench.archives.paste.placement import perspective, uniform


def draw(recipe, shape, frame, scale, count=2000):
    rng = np.random.default_rng(0)
    return [recipe(rng, shape, frame, scale) for _ in range(count)]


def test_uniform_keeps_the_size_and_reaches_every_place_inside_the_frame():
    places = draw(uniform, (10, 6), 16, None)
    assert {(place.height, place.width) for place in places} == {(10, 6)}
    assert {place.top for place in places} == set(range(7))
    assert {place.left for place in places} == set(range(11))


def test_uniform_leaves_an_object_as_large_as_the_frame_where_it_is():
    assert {place.left for place in draw(uniform, (16, 16), 16, None, 10)} == {0}


def test_a_scale_is_the_longer_side_as_a_share_of_the_frame():
    places = draw(uniform, (10, 40), 100, (0.2, 0.5))
    assert {place.width for place in places} == set(range(20, 51))
    assert all(abs(place.height - place.width / 4) <= 0.5 for place in places)
    assert all(0 <= place.left <= 100 - place.width for place in places)
    assert all(0 <= place.top <= 100 - place.height for place in places)


def test_perspective_has_its_centre_in_the_frame_and_is_cut_on_every_side():
    places = draw(perspective, (40, 20), 100, None)
    assert all(-1 <= place.left + place.width / 2 <= 101 for place in places)
    assert all(-1 <= place.top + place.height / 2 <= 101 for place in places)
    assert min(place.left for place in places) < 0
    assert min(place.top for place in places) < 0
    assert max(place.left + place.width for place in places) > 100
    assert max(place.top + place.height for place in places) > 100


@pytest.mark.parametrize(("scale", "low", "high"), [(None, 30, 60), ((0.1, 0.9), 10, 90)])
def test_perspective_enlarges_towards_the_bottom(scale, low, high):
    places = draw(perspective, (40, 20), 100, scale)
    assert min(place.height for place in places) == low
    assert max(place.height for place in places) == high
    for place in places:
        row = (place.top + place.height / 2) / 100
        assert abs(place.height - (low + (high - low) * row)) <= 1.5


def test_a_thin_object_keeps_a_pixel():
    assert all(place.width == 1 for place in draw(uniform, (200, 1), 32, (0.1, 0.2), 10))
