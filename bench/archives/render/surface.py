"""Where a ray meets a thing: planes, boxes, cylinders and spheres in world coordinates.

World axes: x right, y up, z ahead of the camera; the ground is y = 0. Rays are given by an origin
and directions; the distance along a ray is in units of its direction's length.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bench.archives.render.texture import Array, Mask, Texture


class Surface(Protocol):
    """A textured thing that rays can meet."""

    @property
    def texture(self) -> Texture:
        """The albedo over the surface coordinates that `chart` returns."""

    def distance(self, origin: Array, direction: Array) -> Array:
        """Return the distance (N,) along each ray to the first hit ahead, infinity for none."""

    def chart(self, points: Array) -> tuple[Array, Array, Array]:
        """Return the outward normals (N, 3) and coordinates u, v [m] of points on the surface."""

    def gap_m(self, points: Array) -> Array:
        """Return how far points (N, 3) outside lie from the surface [m], for contact shade."""


def _ahead(distance: Array, hit: Mask) -> Array:
    return np.where(hit & (distance > 0), distance, np.inf)


def turn(yaw: float) -> Array:
    """Return the rotation (3, 3) that maps local x, y, z to the world's, turned about y."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


@dataclass(frozen=True)
class Plane:
    """An endless plane; `right` and `up` span it, the normal is towards the viewer."""

    point: Array
    normal: Array
    right: Array
    up: Array
    texture: Texture

    def distance(self, origin: Array, direction: Array) -> Array:
        """See `Surface.distance`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = ((self.point - origin) @ self.normal) / (direction @ self.normal)
        return _ahead(distance, np.isfinite(distance))

    def chart(self, points: Array) -> tuple[Array, Array, Array]:
        """See `Surface.chart`."""
        offset = points - self.point
        normals = np.broadcast_to(self.normal, points.shape)
        return normals, offset @ self.right, offset @ self.up

    def gap_m(self, points: Array) -> Array:
        """See `Surface.gap_m`."""
        return np.asarray(np.abs((points - self.point) @ self.normal))


@dataclass(frozen=True)
class Box:
    """A box of half extents `half_m` (x, y, z), turned about the vertical."""

    centre: Array
    half_m: Array
    yaw: float
    texture: Texture

    def distance(self, origin: Array, direction: Array) -> Array:
        """See `Surface.distance`."""
        axes = turn(self.yaw)
        start, along = (origin - self.centre) @ axes, direction @ axes
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = (-self.half_m - start) / along, (self.half_m - start) / along
        enter = np.minimum(low, high).max(axis=-1)
        leave = np.maximum(low, high).min(axis=-1)
        return _ahead(enter, enter < leave)

    def chart(self, points: Array) -> tuple[Array, Array, Array]:
        """See `Surface.chart`."""
        axes = turn(self.yaw)
        local = (points - self.centre) @ axes
        side = np.abs(np.abs(local) - self.half_m).argmin(axis=-1)
        normals = np.eye(3)[side] * np.sign(local)
        u = np.where(side == 0, local[:, 2], local[:, 0])
        v = np.where(side == 1, local[:, 2], points[:, 1])
        return normals @ axes.T, u, v

    def gap_m(self, points: Array) -> Array:
        """See `Surface.gap_m`."""
        outside = np.abs((points - self.centre) @ turn(self.yaw)) - self.half_m
        return np.asarray(np.linalg.norm(np.maximum(outside, 0), axis=-1))


@dataclass(frozen=True)
class Cylinder:
    """An upright cylinder; `foot` is the centre of its lower end."""

    foot: Array
    radius_m: float
    height_m: float
    texture: Texture

    def distance(self, origin: Array, direction: Array) -> Array:
        """See `Surface.distance`."""
        start = origin - self.foot
        sx, sy, sz = start[..., 0], start[..., 1], start[..., 2]
        dx, dy, dz = direction[:, 0], direction[:, 1], direction[:, 2]
        a, b = dx * dx + dz * dz, sx * dx + sz * dz
        root = b * b - a * (sx * sx + sz * sz - self.radius_m**2)
        with np.errstate(divide="ignore", invalid="ignore"):
            side = (-b - np.sqrt(root)) / a
            lid = (self.height_m - sy) / dy
        y = sy + side * dy
        side = _ahead(side, (root > 0) & (y > 0) & (y < self.height_m))
        reach = np.hypot(sx + lid * dx, sz + lid * dz)
        return np.minimum(side, _ahead(lid, reach < self.radius_m))

    def chart(self, points: Array) -> tuple[Array, Array, Array]:
        """See `Surface.chart`."""
        local = points - self.foot
        x, y, z = local[:, 0], local[:, 1], local[:, 2]
        on_lid = np.abs(y - self.height_m) < 1e-6 * (1 + self.height_m)
        around = np.stack([x, np.zeros_like(x), z], axis=-1) / self.radius_m
        normals = np.where(on_lid[:, None], np.array([0.0, 1.0, 0.0]), around)
        angle_m = np.arctan2(x, -z) * self.radius_m
        return normals, np.where(on_lid, x, angle_m), np.where(on_lid, z, y)

    def gap_m(self, points: Array) -> Array:
        """See `Surface.gap_m`."""
        local = points - self.foot
        beside = np.maximum(np.hypot(local[:, 0], local[:, 2]) - self.radius_m, 0)
        above = np.maximum(local[:, 1] - self.height_m, 0)
        return np.asarray(np.hypot(beside, above))


@dataclass(frozen=True)
class Sphere:
    """A ball."""

    centre: Array
    radius_m: float
    texture: Texture

    def distance(self, origin: Array, direction: Array) -> Array:
        """See `Surface.distance`."""
        start = origin - self.centre
        a = (direction * direction).sum(axis=-1)
        b = (start * direction).sum(axis=-1)
        root = b * b - a * ((start * start).sum(axis=-1) - self.radius_m**2)
        with np.errstate(invalid="ignore"):
            distance = (-b - np.sqrt(root)) / a
        return _ahead(distance, root > 0)

    def chart(self, points: Array) -> tuple[Array, Array, Array]:
        """See `Surface.chart`."""
        normals = (points - self.centre) / self.radius_m
        u = np.arctan2(normals[:, 0], -normals[:, 2]) * self.radius_m
        return normals, u, np.arcsin(np.clip(normals[:, 1], -1, 1)) * self.radius_m

    def gap_m(self, points: Array) -> Array:
        """See `Surface.gap_m`."""
        return np.asarray(np.linalg.norm(points - self.centre, axis=-1) - self.radius_m)
