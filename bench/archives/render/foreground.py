"""What is put in front: people, animals, vessels and blobs with their own texture and soft edge."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from bench.archives.render.texture import Array, coat

_SMALLEST = 0.5
"""The least root of the covered area [m]: smaller figures could be too small to see."""


@dataclass(frozen=True)
class Foreground:
    """A flat figure, standing on the lower edge of its picture.

    Attributes:
        height_m: Its height in the world.
        picture: Gamma-coded colour and alpha (h, w, 4), 8 bits; the height is the figure's.
    """

    height_m: float
    picture: npt.NDArray[np.uint8]

    @property
    def area(self) -> float:
        """The covered area as a share of the square of the height."""
        alpha = self.picture[..., 3]
        return float(alpha.sum() / 255 / alpha.shape[0] ** 2)

    def drawn(
        self, *, height_px: float, row: float, column: float, mirrored: bool, size_px: int
    ) -> tuple[Array, Array]:
        """Return linear colour (size, size, 3) and alpha (size, size) of the figure in a picture.

        Args:
            height_px: The height of the figure in the picture.
            row: The row [px] on which it stands.
            column: The column [px] of its middle.
            mirrored: Whether left and right are exchanged.
            size_px: The height and width of the picture.
        """
        height, width = self.picture.shape[:2]
        step = height / height_px
        left, top = column - width / step / 2, row - height_px
        first = np.floor([top, left]).astype(int) - 1
        last = np.ceil([row, column + width / step / 2]).astype(int) + 1
        start, stop = np.clip(first, 0, size_px), np.clip(last, 0, size_px)
        colour, alpha = np.zeros((size_px, size_px, 3)), np.zeros((size_px, size_px))
        if (start >= stop).any():
            return colour, alpha
        # The window may reach beyond the figure: a margin, with the colour of the edge, clear.
        margin = int(np.ceil(2 * step)) + 2
        padded = np.pad(self.picture, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
        padded[:margin, :, 3] = padded[-margin:, :, 3] = 0
        padded[:, :margin, 3] = padded[:, -margin:, 3] = 0
        if mirrored:
            padded = padded[:, ::-1]
        box = (
            (start[1] - left) * step + margin,
            (start[0] - top) * step + margin,
            (stop[1] - left) * step + margin,
            (stop[0] - top) * step + margin,
        )
        target = (int(stop[1] - start[1]), int(stop[0] - start[0]))
        window = (slice(start[0], stop[0]), slice(start[1], stop[1]))
        for source, into in ((padded[..., :3], colour), (padded[..., 3], alpha)):
            part = Image.fromarray(np.ascontiguousarray(source))
            part = part.resize(target, Image.Resampling.BILINEAR, box=box)
            into[window] = np.asarray(part) / 255
        return colour**2.2, alpha


def foreground(rng: np.random.Generator, size_px: int) -> Foreground:
    """Draw a foreground whose picture is `size_px` high."""
    kind = rng.choice(4, p=[0.35, 0.25, 0.2, 0.2])
    bulge, height_m = (_person, _animal, _vessel, _blob)[kind](rng, size_px)
    solid = bulge > 0
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    soft = ImageFilter.GaussianBlur(rng.uniform(0.002, 0.008) * size_px)
    alpha = np.asarray(Image.fromarray(solid).convert("L").filter(soft))[window] / 255
    bulge = bulge[window]
    height_m = max(height_m, _SMALLEST / float(np.sqrt(alpha.sum()) / len(alpha)))
    colour = _painted(rng, bulge, height_m)
    picture = np.dstack([colour ** (1 / 2.2), alpha])
    return Foreground(height_m, np.asarray(np.round(picture * 255), dtype=np.uint8))


def _painted(rng: np.random.Generator, bulge: Array, height_m: float) -> Array:
    """Return the linear colour (h, w, 3): bands of clothes or coat, lit as the bulge is round."""
    height, width = bulge.shape
    y, x = np.mgrid[:height, :width] * (height_m / height)
    colour = coat(rng)(x.ravel() * 2, y.ravel() * 2).reshape(height, width, 3)
    for _ in range(rng.integers(0, 3)):
        other = coat(rng)(x.ravel() * 2, y.ravel() * 2).reshape(height, width, 3)
        edge = rng.uniform(0.15, 0.75) + 0.05 * np.sin(x * rng.uniform(3, 12))
        colour = np.where((y / height_m > edge)[..., None], other, colour)
    down, across = np.gradient(bulge * height)
    normals = np.dstack([-across, -down, np.ones_like(bulge)])
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    towards = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.9, -0.2), 0.7])
    lambert = np.maximum(normals @ (towards / np.linalg.norm(towards)), 0)
    return np.asarray(np.clip(colour * (0.35 + 0.9 * lambert)[..., None], 0, 1))


def _grid(size_px: int) -> tuple[Array, Array]:
    """Return x right of the middle and y above the ground (h, 2h), in heights of the picture."""
    across = (np.arange(2 * size_px) + 0.5) / size_px - 1
    down = (np.arange(size_px) + 0.5) / size_px
    x, y = np.meshgrid(across, 1 - down)
    return x, y


def _limbs(size_px: int, limbs: list[tuple[float, float, float, float, float]]) -> Array:
    """Return how far rounded bars (x0, y0, x1, y1, radius) stand out towards the viewer."""
    x, y = _grid(size_px)
    bulge = np.zeros_like(x)
    for x0, y0, x1, y1, radius in limbs:
        along, up = x1 - x0, y1 - y0
        share = ((x - x0) * along + (y - y0) * up) / (along**2 + up**2 + 1e-9)
        share = np.clip(share, 0, 1)
        squared = (x - x0 - share * along) ** 2 + (y - y0 - share * up) ** 2
        bulge = np.maximum(bulge, np.sqrt(np.maximum(radius**2 - squared, 0)))
    return bulge


def _person(rng: np.random.Generator, size_px: int) -> tuple[Array, float]:
    build = rng.uniform(0.9, 1.6)
    hip, shoulder, radius = rng.uniform(0.44, 0.52), rng.uniform(0.72, 0.78), 0.055 * build
    stride, lean = rng.uniform(0.01, 0.14), rng.uniform(-0.04, 0.04)
    limbs = [
        (lean, 0.91, lean, 0.93, rng.uniform(0.065, 0.085)),
        (lean, 0.83, lean, 0.9, 0.035),
        (0, hip, lean, shoulder, 0.095 * build),
    ]
    for side in (-1, 1):
        foot = side * stride + rng.uniform(-0.03, 0.03)
        reach, rise = rng.uniform(-0.02, 0.2), 0.38 + 0.55 * rng.beta(0.7, 2.0)
        elbow = (lean + side * (0.12 + 0.5 * reach), 0.57)
        limbs += [
            (side * 0.045 * build, hip, foot, radius, radius),
            (foot, 0.035, foot + rng.choice([-0.05, 0.05]), 0.03, 0.03),
            (lean + side * 0.08 * build, shoulder, *elbow, 0.7 * radius),
            (*elbow, lean + side * (0.12 + reach), rise, 0.55 * radius),
        ]
    return _limbs(size_px, limbs), rng.uniform(1.1, 1.9)


def _animal(rng: np.random.Generator, size_px: int) -> tuple[Array, float]:
    half, back = rng.uniform(0.25, 0.45), rng.uniform(0.5, 0.7)
    girth, leg = rng.uniform(0.12, 0.2), rng.uniform(0.03, 0.06)
    head = (half + rng.uniform(0.05, 0.18), rng.uniform(0.7, 0.88))
    limbs = [
        (-half, back, half, back + rng.uniform(-0.05, 0.05), girth),
        (half, back, *head, rng.uniform(0.06, 0.1)),
        (head[0], head[1], head[0] + rng.uniform(0.04, 0.1), head[1] - 0.03, 0.085),
        (head[0] - 0.03, head[1], head[0] - 0.04, 0.98, 0.025),
        (-half, back, -half - rng.uniform(0.1, 0.2), rng.uniform(0.3, 1.0), 0.03),
    ]
    limbs += [
        (hip, back, hip + rng.uniform(-0.07, 0.07), leg, leg)
        for hip in (-half, -half + 0.07, half - 0.07, half)
    ]
    return _limbs(size_px, limbs), rng.uniform(0.6, 1.2)


def _vessel(rng: np.random.Generator, size_px: int) -> tuple[Array, float]:
    """A turned body: its half width is a smooth random function of the height."""
    x, y = _grid(size_px)
    waves = np.zeros_like(y)
    for n in range(1, 5):
        waves += rng.normal() / n * np.sin(np.pi * n * y + rng.uniform(0, 2 * np.pi))
    half = rng.uniform(0.14, 0.26) * np.exp(np.clip(0.5 * waves, -0.9, 0.45))
    return np.sqrt(np.maximum(half**2 - x**2, 0)), rng.uniform(0.7, 1.5)


def _blob(rng: np.random.Generator, size_px: int) -> tuple[Array, float]:
    """A star-shaped body: its radius is a smooth random function of the direction."""
    x, y = _grid(size_px)
    y = y - 0.5
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    edge = np.full_like(x, 0.36)
    for n in range(2, 7):
        edge += 0.12 * rng.normal() / n * np.cos(n * angle + rng.uniform(0, 2 * np.pi))
    dome = np.sqrt(np.maximum(1 - (radius / np.clip(edge, 0.15, 0.5)) ** 2, 0))
    return 0.36 * dome, rng.uniform(0.7, 1.3)
