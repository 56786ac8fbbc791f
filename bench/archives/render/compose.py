"""How a foreground gets into a view: its place, shadow and occlusion, and the two photographs."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from bench.archives.render.foreground import Foreground
from bench.archives.render.places import FREE_AHEAD_M
from bench.archives.render.scene import Camera, Scene, View
from bench.archives.render.texture import Array, chance, noise

COVERAGE = (0.02, 0.35)
"""The least and the largest share of the picture that a visible foreground covers."""
_LEAST_VISIBLE = 0.65
_TRIES = 40
_OUTLINE_ROWS = 48


@dataclass(frozen=True)
class Placement:
    """Where a foreground stands and what of it is seen.

    Attributes:
        depth_m: Its depth.
        foot: The world point (3,) [m] it stands on.
        mirrored: Whether its picture is exchanged left to right.
        colour: Its linear colour (h, w, 3).
        alpha: Its visible alpha (h, w) in [0, 1]: 0 where the scene hides it.
    """

    depth_m: float
    foot: Array
    mirrored: bool
    colour: Array
    alpha: Array


def put(
    foreground: Foreground,
    camera: Camera,
    view: View,
    *,
    column: float,
    depth_m: float,
    mirrored: bool,
) -> tuple[Placement, float]:
    """Stand a foreground on the ground; return it and the share of it that is seen.

    Args:
        foreground: The figure.
        camera: The camera of the view.
        view: The scene it is put into, which hides what lies behind nearer surfaces.
        column: The column of its middle as a fraction of the picture's width.
        depth_m: Its depth.
        mirrored: Whether left and right are exchanged.
    """
    size_px = len(view.depth_m)
    foot, row = camera.ground(column, depth_m)
    height_px = camera.focal * foreground.height_m / depth_m * size_px
    colour, alpha = foreground.drawn(
        height_px=height_px,
        row=row * size_px,
        column=column * size_px,
        mirrored=mirrored,
        size_px=size_px,
    )
    in_front = (view.fine_depth_m > depth_m).reshape(size_px, 2, size_px, 2).mean(axis=(1, 3))
    alpha = alpha * in_front
    seen = float(alpha.sum() / (foreground.area * height_px**2))
    return Placement(depth_m, foot, mirrored, colour, alpha), seen


def placed(
    rng: np.random.Generator, foreground: Foreground, camera: Camera, view: View
) -> Placement:
    """Draw a place where enough of a foreground is seen, neither too large nor too small."""
    mirrored = chance(rng, 0.5)
    for _ in range(_TRIES):
        coverage = rng.uniform(0.12, 0.4)
        placement, seen = put(
            foreground,
            camera,
            view,
            column=rng.uniform(0.1, 0.9),
            depth_m=_depth_m(foreground, camera, coverage),
            mirrored=mirrored,
        )
        if seen > _LEAST_VISIBLE and COVERAGE[0] < placement.alpha.mean() < COVERAGE[1]:
            return placement
    # Straight ahead the way is free from where the ground comes into view.
    nearest_m = _nearest_ground_m(camera) * 1.05
    depth_m = min(max(_depth_m(foreground, camera, 0.2), nearest_m), 0.95 * FREE_AHEAD_M)
    return put(foreground, camera, view, column=0.5, depth_m=depth_m, mirrored=mirrored)[0]


def _depth_m(foreground: Foreground, camera: Camera, coverage: float) -> float:
    """Return the depth at which the whole foreground covers a share of the picture."""
    return float(foreground.height_m * camera.focal * np.sqrt(foreground.area / coverage))


def _nearest_ground_m(camera: Camera) -> float:
    """Return the depth of the ground in the bottom row of the picture."""
    slope = np.cos(camera.pitch) / (2 * camera.focal) + np.sin(camera.pitch)
    return float(camera.height_m / slope)


def composed_depth_m(view: View, placement: Placement) -> Array:
    """Return the depth (h, w) of the nearest surface, the foreground's where it is half opaque."""
    return np.where(placement.alpha >= 0.5, placement.depth_m, view.depth_m)  # noqa: PLR2004


def composed(
    rng: np.random.Generator, scene: Scene, view: View, foreground: Foreground, placement: Placement
) -> Array:
    """Return the linear light (h, w, 3) of the view with the foreground and its shadow in it."""
    shade = rng.uniform(0.8, 1.0) * shadow(scene, view, foreground, placement)
    behind = view.colour * (1 - shade * view.direct)[..., None]
    behind = behind * (1 - _contact(rng, view, foreground, placement))[..., None]
    alpha = placement.alpha[..., None]
    tint = scene.light.colour / scene.light.colour.max()
    front = placement.colour * tint * rng.uniform(0.6, 1.1)
    # Foregrounds are nearly as bright as what is behind them, so that contrast alone says little.
    behind_mean = (view.colour * alpha).sum() / alpha.sum()
    front_mean = (front * alpha).sum() / alpha.sum()
    front = front * (behind_mean / front_mean) ** rng.uniform(0.6, 1.0)
    return np.asarray(behind * (1 - alpha) + np.clip(front, 0, 1) * alpha)


def shadow(scene: Scene, view: View, foreground: Foreground, placement: Placement) -> Array:
    """Return how much (h, w), 0 to 1, the foreground stands between each point and the light.

    The figure that throws it is turned about its foot to face the light.
    """
    light = scene.light.position
    facing = (light - placement.foot) * [1.0, 0.0, 1.0]
    facing /= max(float(np.linalg.norm(facing)), 1e-6)
    side = np.array([facing[2], 0.0, -facing[0]])
    solid = np.isfinite(view.depth_m)
    points = np.where(solid[..., None], view.points_m, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = ((placement.foot - points) @ facing) / ((light - points) @ facing)
    crosses = solid & (share > 0) & (share < 1)
    share = np.where(crosses, share, 0.0)
    at = points + share[..., None] * (light - points)

    outline, margin = _outline(foreground, mirrored=placement.mirrored)
    per_metre = _OUTLINE_ROWS / foreground.height_m
    column = ((at - placement.foot) @ side) * per_metre + outline.shape[1] / 2
    row = outline.shape[0] - margin - at[..., 1] * per_metre
    inside = crosses & (row >= 0) & (row < outline.shape[0])
    inside &= (column >= 0) & (column < outline.shape[1])
    rows = np.where(inside, row, 0).astype(np.intp)
    columns = np.where(inside, column, 0).astype(np.intp)
    return np.where(inside, outline[rows, columns], 0.0)


def _outline(foreground: Foreground, *, mirrored: bool) -> tuple[Array, int]:
    """Return a figure's alpha, small and blurred for a soft shadow, and the margin around it."""
    alpha = Image.fromarray(foreground.picture[:, :: -1 if mirrored else 1, 3])
    width = max(round(alpha.width * _OUTLINE_ROWS / alpha.height), 1)
    margin = _OUTLINE_ROWS // 8
    padded = np.pad(np.asarray(alpha.resize((width, _OUTLINE_ROWS))), margin)
    blurred = Image.fromarray(padded).filter(ImageFilter.GaussianBlur(margin / 3))
    return np.asarray(blurred) / 255, margin


def _contact(
    rng: np.random.Generator, view: View, foreground: Foreground, placement: Placement
) -> Array:
    """Return the darkening (h, w) of the ground close to the foot, whatever the light."""
    reach_m = 0.35 * foreground.height_m * foreground.area
    points = np.where(np.isfinite(view.points_m), view.points_m, 1e3)
    distance = np.linalg.norm(points - placement.foot, axis=-1) / max(reach_m, 0.1)
    return np.asarray(rng.uniform(0.4, 0.8) * np.exp(-(distance**2)))


def handheld(rng: np.random.Generator, scene: Scene) -> Scene:
    """Return the scene as seen a moment earlier: the camera was held a little differently."""
    camera = scene.camera
    return replace(
        scene,
        camera=replace(
            camera,
            pitch=camera.pitch + rng.normal(0, 0.012),
            focal=camera.focal * np.exp(rng.normal(0, 0.012)),
        ),
    )


def photograph(
    rng: np.random.Generator, linear: Array, *, strength: float
) -> npt.NDArray[np.uint8]:
    """Return the gamma-coded picture (h, w, 3), 8 bits, that a camera takes of linear light.

    Exposure, white balance, gamma, an uneven change of the light and sensor noise differ from
    picture to picture; `strength` scales all but the noise.
    """
    size_px = len(linear)
    steps = np.linspace(0, 1, size_px)
    across, down = np.meshgrid(steps, steps)
    drift = 0.4 * np.tanh(5 * (noise(rng, octaves=1)(across * 2.5, down * 2.5) - 0.5))
    gain = np.exp(strength * (rng.normal(0, 0.25) + drift))
    balance = np.exp(strength * rng.normal(0, 0.06, 3))
    gamma = 2.2 * np.exp(strength * rng.normal(0, 0.04))
    light = np.clip(linear * gain[..., None] * balance, 0, None)
    grain = rng.normal(0, 1, linear.shape) * np.sqrt(0.00005 + rng.uniform(0.0003, 0.0015) * light)
    coded = np.clip(light + grain, 0, 1) ** (1 / gamma)
    return np.asarray(np.round(coded * 255), dtype=np.uint8)
