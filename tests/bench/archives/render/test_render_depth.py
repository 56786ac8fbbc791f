"""The depth of simple scenes, worked out by hand."""

import numpy as np
import pytest

from bench.archives.render.scene import Camera, Light, Scene, render
from bench.archives.render.surface import Box, Cylinder, Plane, Sphere

X, Y, Z = np.eye(3)


def grey(u, _v):
    return np.full((len(u), 3), 0.5)


GROUND = Plane(np.zeros(3), Y, X, Z, grey)
WALL = Plane(5.0 * Z, -Z, X, Y, grey)


def view_of(*surfaces, pitch=0.0, light=(0.0, 100.0, 0.0)):
    return render(
        Scene(
            kind="test",
            camera=Camera(height_m=1.5, pitch=pitch, focal=1.0),
            surfaces=surfaces,
            light=Light(np.array(light), np.ones(3), np.full(3, 0.4), range_m=1e6),
            sky=np.ones(3),
            haze_m=1e6,
        ),
        64,
    )


def test_ground_depth_follows_from_height_and_focal_length():
    depth_m = view_of(GROUND).depth_m
    # A ray through a row `down` picture heights below the middle sinks by down / focal per metre.
    for row in (40, 50, 63):
        down = (row + 0.5) / 64 - 0.5
        np.testing.assert_allclose(depth_m[row], 1.5 / down)
    assert np.isinf(depth_m[:32]).all()


def test_pitch_brings_the_ground_nearer():
    pitch = 0.3
    depth_m = view_of(GROUND, pitch=pitch).depth_m
    down = 63.5 / 64 - 0.5
    expected = 1.5 / (down * np.cos(pitch) + np.sin(pitch))
    np.testing.assert_allclose(depth_m[63], expected)


def test_a_wall_has_one_depth_up_to_the_ground_before_it():
    depth_m = view_of(GROUND, WALL).depth_m
    foot_row = int((0.5 + 1.5 / 5) * 64)
    np.testing.assert_allclose(depth_m[:foot_row], 5.0)
    assert (depth_m[foot_row + 1 :] < 5.0).all()


@pytest.mark.parametrize(
    ("thing", "depth_m"),
    [
        (Box(np.array([0.0, 1.5, 4.0]), np.array([0.5, 0.5, 0.5]), 0.0, grey), 3.5),
        (Box(np.array([0, 1.5, 4.0]), np.full(3, 0.5), np.pi / 4, grey), 4 - np.sqrt(0.5)),
        (Sphere(np.array([0.0, 1.5, 4.0]), 0.5, grey), 3.5),
        (Cylinder(np.array([0.0, 0.0, 4.0]), 0.5, 3.0, grey), 3.5),
    ],
)
def test_things_stand_where_they_are_put(thing, depth_m):
    view = view_of(GROUND, WALL, thing)
    # The four pixels around the middle look half a pixel past it.
    np.testing.assert_allclose(view.depth_m[31:33, 31:33], depth_m, atol=0.04)
    assert view.depth_m[10, 0] == pytest.approx(5.0)


def test_a_cylinder_is_closed_by_a_lid():
    camera = Camera(height_m=1.5, pitch=0.5, focal=1.0)
    view = view_of(Cylinder(np.array([0.0, 0.0, 2.0]), 0.5, 1.0, grey), pitch=camera.pitch)
    offset = np.array([0.0, 1.0, 2.0]) - camera.position
    sine, cosine = np.sin(camera.pitch), np.cos(camera.pitch)
    # The camera's axis points down by the pitch: depth is measured along it, rows across it.
    depth_m = offset @ [0.0, -sine, cosine]
    row = int((0.5 - offset @ [0.0, cosine, sine] / depth_m) * 64)
    np.testing.assert_allclose(view.depth_m[row, 31:33], depth_m, rtol=0.03)


def test_points_lie_on_the_surfaces():
    view = view_of(GROUND, WALL)
    on_ground, on_wall = view.points_m[60], view.points_m[5]
    np.testing.assert_allclose(on_ground[:, 1], 0, atol=1e-9)
    np.testing.assert_allclose(on_wall[:, 2], 5.0)


def test_the_ground_is_seen_in_the_row_that_the_camera_says():
    camera = Camera(height_m=1.5, pitch=0.2, focal=1.1)
    point, row = camera.ground(column=0.75, depth_m=3.0)
    ray = (point - camera.position) / 3.0
    picture = camera.rays(64).reshape(64, 64, 3)
    nearest = np.abs(picture - ray).sum(axis=-1).argmin()
    assert point[1] == 0.0
    assert divmod(nearest, 64) == (int(row * 64), pytest.approx(48, abs=1))


def test_things_throw_shadows_on_the_ground():
    box = Box(np.array([0.0, 0.5, 4.0]), np.array([0.5, 0.5, 0.5]), 0.0, grey)
    view = view_of(GROUND, box, light=(-1000.0, 1000.0, 0.0))
    # The light comes from the left at 45 degrees: the shadow reaches one metre to the right.
    row, column = int((0.5 + 1.5 / 4) * 64), int((0.5 + 1.0 / 4) * 64)
    assert view.direct[row, column] == 0
    assert view.direct[row, 64 - column] > 0.5
    assert view.colour[row, column].mean() < 0.7 * view.colour[row, 64 - column].mean()
