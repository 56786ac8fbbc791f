"""How a scene is seen: a camera above the ground, one light, a picture with its true depth."""

from dataclasses import dataclass

import numpy as np

from bench.archives.render.surface import Surface
from bench.archives.render.texture import Array

_SUPERSAMPLING = 2


@dataclass(frozen=True)
class Camera:
    """A pinhole camera at x = z = 0, looking along z and `pitch` radians downwards.

    `focal` is the focal length in picture heights; pictures are square.
    """

    height_m: float
    pitch: float
    focal: float

    @property
    def position(self) -> Array:
        """The world position (3,) [m]."""
        return np.array([0.0, self.height_m, 0.0])

    def rays(self, size_px: int) -> Array:
        """Return the directions (size * size, 3) through the pixels' centres, row by row.

        They are as long as makes a distance along them the depth, perpendicular to the picture.
        """
        across = ((np.arange(size_px) + 0.5) / size_px - 0.5) / self.focal
        x, down = (grid.ravel() for grid in np.meshgrid(across, across))
        sine, cosine = np.sin(self.pitch), np.cos(self.pitch)
        return np.stack([x, -down * cosine - sine, cosine - down * sine], axis=-1)

    def ground(self, column: float, depth_m: float) -> tuple[Array, float]:
        """Return the ground's point (3,) [m] at a column and a depth, and the row it is seen in.

        Column and row are fractions of the picture, 0 at the left and at the top.
        """
        sine, cosine = np.sin(self.pitch), np.cos(self.pitch)
        x = (column - 0.5) * depth_m / self.focal
        ahead = (depth_m - self.height_m * sine) / cosine
        row = 0.5 + self.focal * (self.height_m * cosine - ahead * sine) / depth_m
        return np.array([x, 0.0, ahead]), float(row)


@dataclass(frozen=True)
class Light:
    """One light (a lamp, or a sun far away) and the light that comes from all sides."""

    position: Array
    colour: Array
    ambient: Array
    range_m: float


@dataclass(frozen=True)
class Scene:
    """Everything that a background shows; `haze_m` is the distance at which the air takes over."""

    kind: str
    camera: Camera
    surfaces: tuple[Surface, ...]
    light: Light
    sky: Array
    haze_m: float


@dataclass(frozen=True)
class View:
    """A scene as rendered, without any foreground or camera noise.

    Attributes:
        colour: Linear light (h, w, 3), about 0 to 1.
        depth_m: Depth at the pixels' centres (h, w), infinite in the sky.
        fine_depth_m: The same at twice the resolution (2h, 2w).
        points_m: World points at the pixels' centres (h, w, 3), infinite in the sky.
        direct: The share of the light (h, w) that comes straight from the lamp or the sun.
    """

    colour: Array
    depth_m: Array
    fine_depth_m: Array
    points_m: Array
    direct: Array


def render(scene: Scene, size_px: int) -> View:
    """Return the view of a scene as a square picture."""
    rays = scene.camera.rays(size_px)
    depth_m, _ = _trace(scene, rays)
    points_m = scene.camera.position + rays * depth_m[:, None]

    fine_px = size_px * _SUPERSAMPLING
    fine_rays = scene.camera.rays(fine_px)
    fine_depth_m, hit = _trace(scene, fine_rays)
    colour, direct = _shade(scene, fine_rays, fine_depth_m, hit)
    colour *= 0.7 / float(np.percentile(colour[hit >= 0], 95))
    return View(
        colour=_average(np.minimum(colour, 1.0).reshape(fine_px, fine_px, 3)),
        depth_m=depth_m.reshape(size_px, size_px),
        fine_depth_m=fine_depth_m.reshape(fine_px, fine_px),
        points_m=points_m.reshape(size_px, size_px, 3),
        direct=_average(direct.reshape(fine_px, fine_px, 1))[..., 0],
    )


def _average(fine: Array) -> Array:
    height, width, channels = fine.shape
    blocks = fine.reshape(
        height // _SUPERSAMPLING, _SUPERSAMPLING, width // _SUPERSAMPLING, _SUPERSAMPLING, channels
    )
    return np.asarray(blocks.mean(axis=(1, 3)))


def _trace(scene: Scene, rays: Array) -> tuple[Array, Array]:
    """Return the depth (N,) along each ray and which surface is met there (N,)."""
    nearest = np.full(len(rays), np.inf)
    hit = np.full(len(rays), -1)
    for index, surface in enumerate(scene.surfaces):
        distance = surface.distance(scene.camera.position, rays)
        closer = distance < nearest
        nearest[closer], hit[closer] = distance[closer], index
    return nearest, hit


def _shade(scene: Scene, rays: Array, depth_m: Array, hit: Array) -> tuple[Array, Array]:
    """Return the linear colour (N, 3) and the share of direct light (N,) along each ray."""
    colour = _sky(scene, rays)
    direct = np.zeros(len(rays))
    for index, surface in enumerate(scene.surfaces):
        seen = np.flatnonzero(hit == index)
        if len(seen) == 0:
            continue
        points = scene.camera.position + rays[seen] * depth_m[seen, None]
        normals, u, v = surface.chart(points)
        lamp = _lamp(scene, surface, points, normals)
        shade = np.ones(len(seen))
        for other in scene.surfaces:
            if other is not surface:
                shade *= 1 - 0.4 * np.exp(-other.gap_m(points) / 0.25)
        ambient = scene.light.ambient * shade[:, None]
        straight = scene.light.colour * (lamp * (0.4 + 0.6 * shade))[:, None]
        colour[seen] = surface.texture(u, v) * (ambient + straight)
        direct[seen] = straight.sum(axis=-1) / (ambient + straight).sum(axis=-1)
        haze = 1 - np.exp(-depth_m[seen, None] / scene.haze_m)
        colour[seen] += (scene.sky - colour[seen]) * haze
    return colour, direct


def _lamp(scene: Scene, surface: Surface, points: Array, normals: Array) -> Array:
    """Return how strongly (N,) the light reaches points of a surface: slant, range and shadow."""
    towards = scene.light.position - points
    distance_m = np.linalg.norm(towards, axis=-1)
    lambert = np.maximum((normals * towards).sum(axis=-1) / distance_m, 0)
    for other in scene.surfaces:
        if other is not surface:
            lambert = np.where(other.distance(points, towards) < 1, 0.0, lambert)
    return np.asarray(lambert / (1 + (distance_m / scene.light.range_m) ** 2))


def _sky(scene: Scene, rays: Array) -> Array:
    """Return the sky's colour (N, 3): paler towards the horizon."""
    rise = np.clip(rays[:, 1:2] / np.linalg.norm(rays, axis=-1, keepdims=True), 0, 1)
    return np.asarray(scene.sky + (1 - scene.sky) * 0.6 * np.exp(-4 * rise))
