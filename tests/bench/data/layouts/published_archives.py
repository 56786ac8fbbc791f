"""Miniatures of the published datasets: their names and folders, each image saying which it is.

Of each dataset a few samples, numbered as the nested loops of its generator number all of them.
"""

import functools
import io
import warnings
import zipfile
from typing import NamedTuple

import numpy as np
from PIL import Image

KINDS = ("background", "composite", "mask", "depth")  # what every one of them has
LAYOUTS = (
    "numbered_per_background",
    "named_by_pair",
    "numbered_parts",
    "numbered_single_zip",
)


class Made(NamedTuple):
    """A composite as its generator made it; ``number`` is its own among all of the dataset."""

    key: str
    number: int
    background: int
    foreground: str
    placement: str
    mirrored: str


class Miniature(NamedTuple):
    """Entries of each archive (name, content), those of the backgrounds beside, and the truth."""

    archives: dict[str, list[tuple[str, bytes]]]
    backgrounds: list[tuple[str, bytes]]
    samples: list[Made]


def image(kind, number):
    """An image of two pixels: what it is of, and the number as 24 bits."""
    code = KINDS.index(kind) << 24 | number
    pixels = np.frombuffer(code.to_bytes(6, "big"), np.uint8).reshape(1, 2, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def identity(content):
    """The kind and the number that `image` painted."""
    code = int.from_bytes(np.asarray(Image.open(io.BytesIO(content))).tobytes(), "big")
    return KINDS[code >> 24], code & 0xFFFFFF


def write(path, entries):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # of a name that stands there twice
        for name, content in entries:
            archive.writestr(name, content)
    return path


def _numbered_per_background():
    number = 0
    for background in range(1, 101):
        within = 0
        for foreground in range(1, 101):
            for placement in range(20):
                within += 1
                number += 1
                key = f"{background}_bg_{within}_fg"
                yield Made(key, number, background, str(foreground), str(placement), "")


def _named_by_pair():
    number = 0
    for background in range(1, 103):
        for foreground in range(1, 105):
            for placement in range(1, 21):
                for flip in ("", "_flip"):
                    number += 1
                    key = f"bg_{background}fg_{foreground}{flip}_{placement}"
                    mirrored = str(int(flip != ""))
                    yield Made(key, number, background, str(foreground), str(placement), mirrored)


def _numbered_parts():
    number = 0
    for part in range(5):
        for background in range(1, 101):
            for foreground in range(20 * part + 1, 20 * part + 21):
                for placement in range(1, 21):
                    for mirrored in "01":
                        number += 1
                        yield Made(
                            str(number),
                            number,
                            background,
                            str(foreground),
                            str(placement),
                            mirrored,
                        )


def _numbered_single_zip():
    number = 0
    for background in range(1, 101):
        for mirrored in "01":
            for _ in range(2000):
                yield Made(f"{number:06d}", number, background, "", "", mirrored)
                number += 1


GENERATORS = {
    "numbered_per_background": _numbered_per_background,
    "named_by_pair": _named_by_pair,
    "numbered_parts": _numbered_parts,
    "numbered_single_zip": _numbered_single_zip,
}

# The first, the last, and both sides of the boundaries at which a rule turns over.
PICKED = {
    "numbered_per_background": {1, 2, 10, 20, 21, 100, 2000, 2001, 8001, 190001, 190100, 200000},
    "named_by_pair": {1, 2, 3, 40, 41, 4160, 4161, 41600, 424320},
    "numbered_parts": {
        *(1, 2, 10, 40, 41, 100, 800, 801, 4000, 4001, 80000, 80001, 80800, 80801, 400000),
        160001,
        240001,
        320001,
    },
    "numbered_single_zip": {0, 1, 10, 1999, 2000, 2001, 3999, 4000, 5999, 6000, 399999},
}


def _archive_of(layout, kind, made):
    """The archive, and the entry in it."""
    number = made.number
    match layout:
        case "numbered_per_background":
            folder = {"composite": "bg_fg_1", "mask": "bg_fg_mask_1", "depth": "depthMap"}[kind]
            return f"batch_{(made.background + 4) // 5}.zip", f"{folder}/{made.key}.jpg"
        case "named_by_pair":
            archive, folder = {
                "composite": ("fg_bg.zip", "Mask_RCNN/fg_bg"),
                "mask": ("fg_bg_mask.zip", "Mask_RCNN/fg_bg_mask"),
                "depth": ("Depth_output.zip", "content/Mask_RCNN/Depth_output"),
            }[kind]
            return archive, f"{folder}/{made.key}.jpg"
        case "numbered_parts":
            part = (number - 1) // 80000 + 1
            name = {
                "composite": f"Fg-Bg/fg-bg{number}.jpg",
                "mask": f"Fg-Bg-Mask/fg-bg-mask{number}.jpg",
                "depth": f"Depth/depth{number}.jpg",
            }[kind]
            return f"data_part{part}.zip", f"data_{part}/{name}"
        case "numbered_single_zip":
            name = {
                "composite": f"images/fgbg{number:06d}.jpg",
                "mask": f"masks/mask{number:06d}.jpg",
                "depth": f"depth/fgbg{number:06d}.jpg",
            }[kind]
            return "out2.zip", f"output/{name}"
    raise AssertionError(layout)


def _background_name(layout, number):
    return {
        "numbered_per_background": f"bg/{number}_bg.jpg",
        "named_by_pair": f"bg/bg_{number}.jpg",
        "numbered_parts": f"Background/bg{number}.jpg",
        "numbered_single_zip": f"bg_images/Copy of bgimg{number:03d}.jpg",
    }[layout]


@functools.cache
def miniature(layout):
    samples = [made for made in GENERATORS[layout]() if made.number in PICKED[layout]]
    archives = {}
    for kind in ("composite", "mask", "depth"):  # one folder after the other, as they were made
        for made in samples:
            archive, name = _archive_of(layout, kind, made)
            archives.setdefault(archive, []).append((name, image(kind, made.number)))
    if layout == "numbered_per_background":
        for entries in archives.values():
            names = sorted(n.split("/")[1] for n, _ in entries if n.startswith("bg_fg_1/"))
            entries.append(("labels.txt", "".join(f"{name}\n" for name in names).encode()))
    backgrounds = [
        (_background_name(layout, number), image("background", number))
        for number in range(1, 103 if layout == "named_by_pair" else 101)
    ]
    return Miniature(archives, backgrounds, samples)
