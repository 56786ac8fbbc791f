"""What there is to see: random rooms and streets with things standing in them.

The first metres straight ahead of the camera are kept free, so that every foreground has a place.
"""

import numpy as np

from bench.archives.render.scene import Camera, Light, Scene
from bench.archives.render.surface import Box, Cylinder, Plane, Sphere, Surface, turn
from bench.archives.render.texture import Array, building, chance, facade, plaster, road

FREE_AHEAD_M = 3.6
_FREE_ASIDE_M = 0.55
_NEAREST_GROUND = 1.8
"""The nearest ground in view lies at most this many focal lengths (in picture heights) away."""
_UP = np.array([0.0, 1.0, 0.0])


def room(rng: np.random.Generator) -> Scene:
    """Draw the inside of a room, with furniture, seen from anywhere in it."""
    camera = _camera(rng)
    yaw = rng.uniform(-0.75, 0.75)
    axes = turn(yaw)
    right, ahead = axes[:, 0], axes[:, 2]
    left_m, right_m = _aside_m(rng, yaw, nearest_m=0.9, farthest_m=3.0)
    far_m, ceiling_m = rng.uniform(FREE_AHEAD_M, 8.0), rng.uniform(2.3, 3.3)
    paint = building(rng)
    walls = (
        Plane(ahead * far_m, -ahead, right, _UP, paint if chance(rng, 0.6) else building(rng)),
        Plane(-right * left_m, right, ahead, _UP, paint),
        Plane(right * right_m, -right, ahead, _UP, paint if chance(rng, 0.6) else building(rng)),
    )
    floor = Plane(np.zeros(3), _UP, right, ahead, building(rng))
    ceiling = Plane(_UP * ceiling_m, -_UP, right, ahead, plaster(rng))
    things = _furnish(rng, (floor, ceiling, *walls), walls, int(rng.integers(3, 8)), ceiling_m)
    lamp = axes @ np.array(
        [
            rng.uniform(-left_m + 0.4, right_m - 0.4),
            ceiling_m - 0.2,
            rng.uniform(-0.5, far_m - 0.5),
        ]
    )
    warm = np.array([1.0, rng.uniform(0.8, 1.0), rng.uniform(0.55, 1.0)])
    light = Light(
        position=lamp,
        colour=warm * rng.uniform(0.6, 1.1),
        ambient=np.full(3, rng.uniform(0.18, 0.4)),
        range_m=rng.uniform(3, 8),
    )
    return Scene("room", camera, things, light, sky=np.ones(3), haze_m=1e3)


def street(rng: np.random.Generator) -> Scene:
    """Draw a street between houses under the sky, seen from the road or the pavement."""
    camera = _camera(rng)
    yaw = rng.uniform(-0.5, 0.5)
    axes = turn(yaw)
    right, ahead = axes[:, 0], axes[:, 2]
    left_m, right_m = _aside_m(rng, yaw, nearest_m=1.5, farthest_m=6.0)
    middle = right * (right_m - left_m) / 2
    surface = road(rng, (left_m + right_m) * rng.uniform(0.2, 0.35))
    ground = Plane(middle, _UP, right, ahead, surface)
    houses: list[Surface] = []
    for side, front_m in ((-right, left_m), (right, right_m)):
        along_m, end_m = -4.0, rng.uniform(25, 60)
        while along_m < end_m:
            half = np.array([4.0, rng.uniform(1.5, 8), rng.uniform(3, 8)])
            aside_m = front_m + half[0] + rng.uniform(0, 0.6)
            centre = side * aside_m + ahead * (along_m + half[2]) + _UP * half[1]
            houses.append(Box(centre, half, yaw, facade(rng)))
            along_m += 2 * half[2] + rng.choice([0.0, rng.uniform(0, 5)])
    things = _furnish(rng, (ground, *houses), tuple(houses), int(rng.integers(3, 8)), 4.0)
    bearing, rise = rng.uniform(-np.pi, np.pi), rng.uniform(0.5, 1.1)
    sun = np.array([np.sin(bearing) * np.cos(rise), np.sin(rise), np.cos(bearing) * np.cos(rise)])
    overcast = rng.random() ** 3
    blue = np.array([0.25, 0.45, 0.85])
    light = Light(
        position=sun * 1e4,
        colour=np.array([1.0, 0.93, 0.8]) * (1.3 - 1.1 * overcast),
        ambient=np.array([0.25, 0.28, 0.34]) * (1 + overcast),
        range_m=1e6,
    )
    sky = blue + (np.full(3, 0.75) - blue) * overcast
    return Scene("street", camera, things, light, sky=sky, haze_m=rng.uniform(100, 600))


def _camera(rng: np.random.Generator) -> Camera:
    """Draw a camera that sees the ground from close enough on."""
    height_m, focal = rng.uniform(0.8, 1.4), rng.uniform(0.85, 1.25)
    # Seen in the bottom row, the ground is height / (cos(pitch) / 2 + focal sin(pitch)) ahead.
    level = np.arcsin(height_m / _NEAREST_GROUND / np.hypot(0.5, focal)) - np.arctan(0.5 / focal)
    return Camera(height_m, pitch=level + rng.uniform(0.0, 0.2), focal=focal)


def _aside_m(
    rng: np.random.Generator, yaw: float, *, nearest_m: float, farthest_m: float
) -> tuple[float, float]:
    """Draw how far the walls at the left and the right are: where it looks, the way is free."""
    left_m, right_m = rng.uniform(nearest_m, farthest_m, 2)
    towards_left = FREE_AHEAD_M * np.sin(yaw)
    return left_m + max(towards_left, 0.0), right_m + max(-towards_left, 0.0)


def _furnish(
    rng: np.random.Generator,
    shell: tuple[Surface, ...],
    walls: tuple[Surface, ...],
    count: int,
    tallest_m: float,
) -> tuple[Surface, ...]:
    """Return the shell and up to `count` things that stand on its ground, clear of the walls."""
    surfaces = list(shell)
    for _ in range(4 * count):
        ahead_m = rng.uniform(1.3, 9.0)
        foot = np.array([rng.uniform(-0.6, 0.6) * ahead_m, 0.0, ahead_m])
        thing, radius_m = _thing(rng, foot, tallest_m)
        in_the_way = abs(foot[0]) < _FREE_ASIDE_M + radius_m and ahead_m < FREE_AHEAD_M + radius_m
        if in_the_way or not _is_open(foot, radius_m, walls):
            continue
        surfaces.append(thing)
        if len(surfaces) == len(shell) + count:
            break
    return tuple(surfaces)


def _is_open(foot: Array, radius_m: float, walls: tuple[Surface, ...]) -> bool:
    """Whether a round footprint is on the camera's side of every wall."""
    low = 0.5 * _UP  # below every window sill and house top, above the ground
    way = foot * (1 + radius_m / np.linalg.norm(foot))
    return all(
        wall.distance(low, way[None])[0] > 1 and wall.gap_m((foot + low)[None])[0] > radius_m
        for wall in walls
    )


def _thing(rng: np.random.Generator, foot: Array, tallest_m: float) -> tuple[Surface, float]:
    """Draw a thing that stands at `foot`; return it and the radius of its footprint [m]."""
    texture = building(rng)
    kind = rng.choice(["box", "cylinder", "sphere", "pillar"], p=[0.5, 0.22, 0.16, 0.12])
    if kind == "box":
        half_m = np.array([rng.uniform(0.15, 0.6), rng.uniform(0.15, 0.9), rng.uniform(0.15, 0.6)])
        yaw = rng.uniform(0, np.pi)
        return Box(foot + _UP * half_m[1], half_m, yaw, texture), float(np.hypot(*half_m[::2]))
    if kind == "sphere":
        radius_m = rng.uniform(0.15, 0.45)
        return Sphere(foot + _UP * radius_m, radius_m, texture), radius_m
    if kind == "cylinder":
        radius_m = rng.uniform(0.12, 0.4)
        return Cylinder(foot, radius_m, rng.uniform(0.4, 1.2), texture), radius_m
    radius_m = rng.uniform(0.06, 0.2)
    return Cylinder(foot, radius_m, tallest_m, texture), radius_m
