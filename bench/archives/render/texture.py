"""What surfaces look like: procedural albedo as a function of surface coordinates in metres."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Texture = Callable[[Array, Array], Array]
"""Surface coordinates u, v [m], each (N,), to linear albedo (N, 3) in [0, 1]."""

_LATTICE = 64


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Toss a coin that falls on True with this probability."""
    return bool(rng.random() < probability)


def colour(
    rng: np.random.Generator, low: float = 0.1, high: float = 0.75, *, vivid: bool = False
) -> Array:
    """Draw a linear albedo (3,) whose largest channel lies in [low, high].

    Buildings and furniture are mostly dull and warm, what is `vivid` has any hue and much of it.
    """
    red, rest = np.array([1.0, 0.7, 0.45]), rng.dirichlet([0.7, 0.7, 0.7])
    if vivid:
        hue = (
            np.array([1.0, rng.uniform(0, 0.8), rng.uniform(0, 0.5)])
            if chance(rng, 0.65)
            else rest / rest.max()
        )
        saturation = rng.uniform(0.6, 0.95)
    else:
        hue = red if chance(rng, 0.4) else rest / rest.max()
        saturation = 0.4 * rng.beta(1.5, 2.0)
    return np.asarray((1 - saturation + saturation * hue) * rng.uniform(low, high))


def noise(rng: np.random.Generator, octaves: int = 3) -> Callable[[Array, Array], Array]:
    """Draw a smooth random function of the plane with values in [0, 1] and features of size 1."""
    lattice = rng.random((_LATTICE, _LATTICE))

    def one_octave(u: Array, v: Array) -> Array:
        column, row = np.floor(u), np.floor(v)
        a, b = u - column, v - row
        a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
        i, j = column.astype(np.intp) % _LATTICE, row.astype(np.intp) % _LATTICE
        k, m = (i + 1) % _LATTICE, (j + 1) % _LATTICE
        top = lattice[i, j] * (1 - a) + lattice[k, j] * a
        bottom = lattice[i, m] * (1 - a) + lattice[k, m] * a
        return np.asarray(top * (1 - b) + bottom * b)

    def field(u: Array, v: Array) -> Array:
        total = sum(one_octave(u * 2**n + 7.3 * n, v * 2**n) / 2**n for n in range(octaves))
        return np.asarray(total / (2 - 2.0 ** (1 - octaves)))

    return field


def plaster(rng: np.random.Generator, *, vivid: bool = False) -> Texture:
    """Paint, concrete or carpet: one colour with soft blotches."""
    base, blotches = colour(rng, vivid=vivid), noise(rng)
    size_m, contrast = rng.uniform(0.1, 1.0), rng.uniform(0.1, 0.7)

    def albedo(u: Array, v: Array) -> Array:
        shade = 1 + contrast * (blotches(u / size_m, v / size_m) - 0.5)
        return base * shade[:, None]

    return albedo


def masonry(rng: np.random.Generator) -> Texture:
    """Bricks, tiles or planks: rows of shaded blocks with joints, each row shifted."""
    base, joint, grain = colour(rng), colour(rng, 0.05, 0.5), noise(rng)
    length_m, height_m = rng.uniform(0.2, 1.6), rng.uniform(0.1, 0.45)
    shift = rng.choice([0.0, 0.5, 0.37])
    joint_m = rng.uniform(0.008, 0.03)
    shades = rng.uniform(1 - rng.uniform(0.1, 0.5), 1.0, (_LATTICE, _LATTICE))

    def albedo(u: Array, v: Array) -> Array:
        row = np.floor(v / height_m)
        along = u / length_m + shift * row
        column = np.floor(along)
        shade = shades[column.astype(np.intp) % _LATTICE, row.astype(np.intp) % _LATTICE]
        shade = shade * (0.85 + 0.3 * grain(u * 2, v * 12))
        at_joint = ((along - column) * length_m < joint_m) | (v - row * height_m < joint_m)
        return np.where(at_joint[:, None], joint, base * shade[:, None])

    return albedo


def checker(rng: np.random.Generator, *, vivid: bool = False) -> Texture:
    """Two colours in squares."""
    colours = np.stack([colour(rng, vivid=vivid), colour(rng, vivid=vivid)])
    size_m, wear = rng.uniform(0.15, 0.7), noise(rng)

    def albedo(u: Array, v: Array) -> Array:
        odd = (np.floor(u / size_m) + np.floor(v / size_m)).astype(np.intp) % 2
        return colours[odd] * (0.8 + 0.4 * wear(u * 3, v * 3))[:, None]

    return albedo


def stripes(rng: np.random.Generator, *, vivid: bool = False) -> Texture:
    """Two colours in stripes of one direction, a little wavy."""
    colours = np.stack([colour(rng, vivid=vivid), colour(rng, vivid=vivid)])
    angle, waves = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]), noise(rng)
    period_m, share, wave_m = rng.uniform(0.1, 0.6), rng.uniform(0.3, 0.7), rng.uniform(0, 0.15)

    def albedo(u: Array, v: Array) -> Array:
        across = u * np.cos(angle) + v * np.sin(angle) + wave_m * waves(u * 2, v * 2)
        return np.asarray(colours[((across / period_m) % 1 < share).astype(np.intp)])

    return albedo


def facade(rng: np.random.Generator) -> Texture:
    """A house front: a wall with rows of windows, each in its own shade of glass."""
    wall = plaster(rng) if chance(rng, 0.5) else masonry(rng)
    frame, glass = colour(rng, 0.4, 0.8), colour(rng, 0.03, 0.3)
    frame_m, pitch_m = 0.08, np.array([rng.uniform(1.6, 3.2), rng.uniform(2.6, 3.4)])
    window_m = pitch_m * rng.uniform(0.35, 0.65, 2)
    shades = rng.uniform(0.4, 2.2, (_LATTICE, _LATTICE))

    def albedo(u: Array, v: Array) -> Array:
        cells = np.stack([u, v], axis=-1) / pitch_m
        index = np.floor(cells).astype(np.intp) % _LATTICE
        inside_m = window_m / 2 - np.abs(cells - np.floor(cells) - 0.5) * pitch_m
        depth_m = inside_m.min(axis=-1)[:, None]
        panes = glass * shades[index[:, 0], index[:, 1]][:, None]
        return np.where(depth_m < 0, wall(u, v), np.where(depth_m < frame_m, frame, panes))

    return albedo


def road(rng: np.random.Generator, half_width_m: float) -> Texture:
    """A street along v: asphalt with a dashed centre line, kerbs, paving on both sides."""
    asphalt, paint = np.full(3, rng.uniform(0.06, 0.2)), np.full(3, rng.uniform(0.4, 0.8))
    blotches, paving = noise(rng), masonry(rng)
    half_line_m, dash_m, kerb_m = 0.07, 2.0, 0.16

    def albedo(u: Array, v: Array) -> Array:
        ground = asphalt * (0.7 + 0.6 * blotches(u * 1.5, v * 1.5))[:, None]
        dash = (np.abs(u) < half_line_m) & (v % (2 * dash_m) < dash_m)
        ground = np.where(dash[:, None], paint, ground)
        beyond_m = (np.abs(u) - half_width_m)[:, None]
        ground = np.where(beyond_m > 0, 0.8 * paint, ground)
        return np.where(beyond_m > kerb_m, paving(u, v), ground)

    return albedo


def building(rng: np.random.Generator) -> Texture:
    """Draw a texture that suits a wall, a floor or a piece of furniture."""
    kinds = [plaster, masonry, checker, stripes]
    return kinds[int(rng.choice(4, p=[0.35, 0.35, 0.12, 0.18]))](rng)


def coat(rng: np.random.Generator) -> Texture:
    """Draw a texture that suits a figure: clothes, fur, glaze."""
    kinds = [plaster, checker, stripes]
    return kinds[int(rng.choice(3, p=[0.5, 0.2, 0.3]))](rng, vivid=True)
