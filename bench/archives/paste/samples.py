"""The samples of one background: every cut-out pasted at every place, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bench.archives.paste.images import Cutout
from bench.archives.paste.paste import paste, scaled
from bench.archives.paste.placement import RECIPES, Placement, Scale
from bench.data.images import Pixels
from bench.errors import InputError, suggestion
from bench.randomness import stream_seed

Mirror = Literal["none", "foreground", "both"]
Row = dict[str, str | int | float]
"""A sample's line in ``samples.csv``."""

_TRIES = 100  # of a new place at which something of the object is seen, at its size and smaller


@dataclass(frozen=True)
class Settings:
    """What the samples depend on besides the images and the depth.

    Attributes:
        recipe: the name of the rule by which objects are placed.
        placements: places of each object in each background.
        mirror: what a mirrored twin of every sample mirrors, if there is to be one.
        scale: the range of the longer side of objects, as shares of the frame's side; None: the
            recipe's own.
        size: the height and width of all images [px].
        seed: what all randomness comes from.
    """

    recipe: str = "uniform"
    placements: int = 20
    mirror: Mirror = "none"
    scale: Scale | None = None
    size: int = 224
    seed: int = 0

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise InputError(
                f"--recipe: unknown recipe {self.recipe!r}{suggestion(self.recipe, RECIPES)}"
            )
        if self.mirror not in get_args(Mirror):
            raise InputError(
                f"--mirror: cannot mirror {self.mirror!r}"
                f"{suggestion(self.mirror, get_args(Mirror))}"
            )
        if self.scale is not None and not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise InputError(
                f"--scale: {self.scale[0]:g} to {self.scale[1]:g} is no range of shares of the "
                "frame's side; give two rising numbers above 0 and up to 1"
            )


@dataclass(frozen=True)
class Sample:
    """A composite.

    Attributes:
        row: its names, and the place of its object as in :class:`Placement`.
        composite: (H, W, 3) uint8.
        mask: (H, W) bool.
    """

    row: Row
    composite: Pixels
    mask: npt.NDArray[np.bool_]


def place_all(
    scene: str, background: Pixels, cutouts: list[Cutout], settings: Settings
) -> Iterator[Sample]:
    """Paste every cut-out into one background, as often as the settings say.

    What is random about a sample depends on the seed and its own names alone, and on the places of
    the same object before it: one that is taken, or at which nothing of the object would be seen,
    is drawn again. Where the frame has no other left, the object is scaled down too.

    Args:
        scene: the background's id.
        background: (H, W, 3) uint8, as large as the settings say.
        cutouts: the objects.
        settings: how they are placed.

    Raises:
        InputError: an object is too thin to be seen at all, or has fewer places than asked for.
    """
    for cutout in cutouts:
        taken: set[Placement] = set()
        for number in range(settings.placements):
            rng = np.random.default_rng(stream_seed(settings.seed, f"{scene}/{cutout.id}/{number}"))
            names: Row = {
                "key": f"{scene}_{cutout.id}_p{number}",
                "background": scene,
                "foreground": cutout.id,
                "scene": scene,
                "placement": number,
            }
            for place in _places(rng, cutout, settings):
                if place in taken:
                    continue
                samples = _pasted(place, names, background, cutout.pixels, settings)
                if all(sample.mask.any() for sample in samples):
                    taken.add(place)
                    yield from samples
                    break
            else:
                raise InputError(_unplaced(cutout, found=len(taken)))


def _places(rng: np.random.Generator, cutout: Cutout, settings: Settings) -> Iterator[Placement]:
    """Where an object may be: as the recipe has it, and then at half of that size or more."""
    recipe, shape = RECIPES[settings.recipe], (cutout.pixels.shape[0], cutout.pixels.shape[1])
    largest = settings.scale[0] if settings.scale else max(shape) / settings.size
    for scale in (settings.scale, (largest / 2, largest)):
        for _ in range(_TRIES):
            yield recipe(rng, shape, settings.size, scale)


def _unplaced(cutout: Cutout, *, found: int) -> str:
    if found:
        return (
            f"{cutout.path}: there are hardly more than {found} different places for it; ask for "
            "fewer --placements, or a larger --size"
        )
    return (
        f"{cutout.path}: nothing of it can be seen once it is scaled; remove it, or ask for a "
        "larger --scale or --size"
    )


def _pasted(
    place: Placement, names: Row, background: Pixels, cutout: Pixels, settings: Settings
) -> list[Sample]:
    """One placement's sample, and its mirrored twin where there is to be one."""
    pixels = scaled(cutout, place)
    row = names | {
        "left": place.left,
        "top": place.top,
        "scale": round(max(place.height, place.width) / settings.size, 6),
        "mirrored": "none",
    }
    plain = Sample(row, *paste(background, pixels, place.left, place.top))
    twin = row | {"key": f"{row['key']}_mirrored", "mirrored": settings.mirror}
    if settings.mirror == "foreground":
        return [plain, Sample(twin, *paste(background, pixels[:, ::-1], place.left, place.top))]
    if settings.mirror == "both":
        twin["background"] = mirrored_id(str(row["background"]))
        twin["left"] = settings.size - place.left - place.width
        return [plain, Sample(twin, plain.composite[:, ::-1], plain.mask[:, ::-1])]
    return [plain]


def mirrored_id(scene: str) -> str:
    """The id of a background's mirror image, which is a background of its own in the archive."""
    return f"{scene}_mirrored"
