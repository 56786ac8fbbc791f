"""Figures in scenes: scale, foot, occlusion, mirroring, shadow, and a place for every figure."""

import numpy as np
import pytest

from bench.archives.render import compose
from bench.archives.render.compose import composed, composed_depth_m, photograph, placed, put
from bench.archives.render.foreground import Foreground, foreground
from bench.archives.render.places import room, street
from bench.archives.render.scene import Camera, Light, Scene, render
from bench.archives.render.surface import Box, Plane

X, Y, Z = np.eye(3)
SIZE = 128


def grey(u, _v):
    return np.full((len(u), 3), 0.5)


GROUND = Plane(np.zeros(3), Y, X, Z, grey)
WALL = Plane(10.0 * Z, -Z, X, Y, grey)
CAMERA = Camera(height_m=1.5, pitch=0.0, focal=1.0)


def scene_of(*surfaces):
    light = Light(np.array([-900.0, 900.0, 0.0]), np.ones(3), np.full(3, 0.3), range_m=1e6)
    return Scene("test", CAMERA, surfaces, light, sky=np.ones(3), haze_m=1e6)


OPEN = scene_of(GROUND, WALL)
OPEN_VIEW = render(OPEN, SIZE)


@pytest.fixture
def board():
    """A board of 1 m by 0.5 m, its left half red."""
    picture = np.full((64, 32, 4), 255, dtype=np.uint8)
    picture[:, :16, 1:3] = 0
    return Foreground(height_m=1.0, picture=picture)


def standing(figure, *, column=0.5, depth_m=4.0, mirrored=False, view=OPEN_VIEW):
    return put(figure, CAMERA, view, column=column, depth_m=depth_m, mirrored=mirrored)


def rows_of(alpha):
    seen = np.flatnonzero((alpha >= 0.5).any(axis=1))
    return seen[0], seen[-1] + 1


def test_the_object_has_the_depth_of_the_ground_it_stands_on(board):
    placement, seen = standing(board)
    depth_m = composed_depth_m(OPEN_VIEW, placement)
    inside = placement.alpha >= 0.5
    assert seen == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(depth_m[inside], 4.0)
    np.testing.assert_array_equal(depth_m[~inside], OPEN_VIEW.depth_m[~inside])
    _, foot_row = rows_of(placement.alpha)
    assert foot_row == pytest.approx((0.5 + 1.5 / 4) * SIZE, abs=1)
    assert OPEN_VIEW.depth_m[foot_row, SIZE // 2] == pytest.approx(4.0, rel=0.03)
    np.testing.assert_allclose(placement.foot, [0.0, 0.0, 4.0])


def test_twice_as_far_is_half_as_tall(board):
    heights_px = []
    for depth_m in (3.5, 7.0):
        top, bottom = rows_of(standing(board, depth_m=depth_m)[0].alpha)
        heights_px.append(bottom - top)
    # One metre at 3.5 m is 1 / 3.5 of a picture height at a focal length of one.
    assert heights_px[0] == pytest.approx(SIZE / 3.5, abs=1)
    assert heights_px[1] == pytest.approx(SIZE / 7, abs=1)


def test_the_middle_stands_in_its_column(board):
    alpha = standing(board, column=0.3)[0].alpha
    middle = (alpha.sum(axis=0) * (np.arange(SIZE) + 0.5)).sum() / alpha.sum()
    assert middle == pytest.approx(0.3 * SIZE, abs=0.5)


def test_mirrored_exchanges_left_and_right(board):
    plain, mirrored = (standing(board, mirrored=m)[0] for m in (False, True))
    np.testing.assert_allclose(mirrored.alpha, plain.alpha[:, ::-1], atol=0.02)
    np.testing.assert_allclose(mirrored.colour, plain.colour[:, ::-1], atol=0.05)
    assert plain.colour[100, 60, 1] < 0.1
    assert plain.colour[100, 68, 1] > 0.9


def test_what_is_nearer_in_the_scene_hides_the_object(board):
    # A box of 3 m depth, right of the middle, before a board at 4 m.
    box = Box(np.array([1.0, 0.5, 3.2]), np.array([1.0, 0.8, 0.2]), 0.0, grey)
    view = render(scene_of(GROUND, WALL, box), SIZE)
    placement, seen = standing(board, view=view)
    assert seen == pytest.approx(0.5, abs=0.05)
    right = slice(SIZE // 2 + 1, None)
    assert placement.alpha[80:110, right].max() == 0
    assert placement.alpha[100, SIZE // 2 - 4] == 1
    depth_m = composed_depth_m(view, placement)
    np.testing.assert_array_equal(depth_m[:, right], view.depth_m[:, right])
    assert depth_m[100, SIZE // 2 - 4] == 4.0


def test_an_object_beyond_a_wall_is_not_seen(board):
    _, seen = standing(board, depth_m=11.0)
    assert seen == 0


def test_the_shadow_darkens_the_ground_but_is_not_in_the_mask(board):
    placement, _ = standing(board)
    light = composed(np.random.default_rng(0), OPEN, OPEN_VIEW, board, placement)
    outside = placement.alpha == 0
    assert (light[outside] <= OPEN_VIEW.colour[outside] + 1e-9).all()
    # The light comes from the left at 45 degrees: the shadow of one metre lies to the right.
    row = int((0.5 + 1.5 / 4) * SIZE)
    right, left = int((0.5 + 0.6 / 4) * SIZE), int((0.5 - 0.6 / 4) * SIZE)
    assert light[row, right].mean() < 0.8 * OPEN_VIEW.colour[row, right].mean()
    assert light[row, left].mean() > 0.9 * OPEN_VIEW.colour[row, left].mean()
    assert outside[row, right]
    assert OPEN_VIEW.depth_m[row, right] == composed_depth_m(OPEN_VIEW, placement)[row, right]


def test_two_photographs_of_one_scene_differ():
    linear = OPEN_VIEW.colour
    one, two = (photograph(np.random.default_rng(n), linear, strength=1.0) for n in (0, 1))
    assert np.abs(one.astype(int) - two).mean() > 2


def test_every_figure_has_a_valid_place_straight_ahead(monkeypatch):
    monkeypatch.setattr(compose, "_TRIES", 0)
    figures = [foreground(np.random.default_rng([2, n]), 64) for n in range(30)]
    for n in range(30):
        scene = (room, street)[n % 2](np.random.default_rng([1, n]))
        view = render(scene, 32)
        for figure in figures[n % 3 :: 3]:
            coverage = placed(np.random.default_rng(0), figure, scene.camera, view).alpha.mean()
            assert compose.COVERAGE[0] < coverage < compose.COVERAGE[1]


@pytest.mark.parametrize("n", range(12))
def test_figures_have_heights_and_stand_on_the_lower_edge(n):
    figure = foreground(np.random.default_rng(n), 64)
    alpha = figure.picture[..., 3]
    assert 0.5 <= figure.height_m <= 1.9
    assert alpha[0].max() > 0
    assert alpha[-1].max() > 0
    assert 0.1 < figure.area < 1.5
