"""How a data set is laid out: one zip, the same bytes for the same parameters."""

import csv
import io
import itertools
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from bench.archives.render.compose import composed, composed_depth_m, handheld, photograph, placed
from bench.archives.render.foreground import foreground
from bench.archives.render.places import room, street
from bench.archives.render.scene import render
from bench.archives.render.texture import Array
from bench.files import atomic_path

VERSION = 1
"""Changes whenever the same parameters give other pictures."""
FAR_M = 12.0
"""Depth is coded in millimetres up to here; the sky and all beyond count as here."""

_BACKGROUND, _FOREGROUND, _SAMPLE = range(3)
_SMALLEST_PX = 32
_JPEG_QUALITY = 90


def make(
    path: Path,
    *,
    backgrounds: int,
    foregrounds: int,
    placements: int,
    size: int,
    seed: int,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Render scenes, put every foreground into every background and write the archive.

    The same parameters give the same bytes (with the same versions of the libraries), and larger
    counts add samples without changing those that were there.

    Args:
        path: The zip to write; appears at the end, at once. Its folder is made where missing.
        backgrounds: The number of scenes.
        foregrounds: The number of figures.
        placements: The number of places for each figure in each scene.
        size: The height and width of all pictures [px].
        seed: What all randomness comes from.
        overwrite: Whether to replace an existing file.
        progress: Called after each sample with the number of samples written and of all.

    Raises:
        ValueError: If a count is below 1, the size below 32 or the seed negative.
        FileExistsError: If the path exists and is not to be overwritten.
    """
    counts = {"backgrounds": backgrounds, "foregrounds": foregrounds, "placements": placements}
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, not {count}")
    if size < _SMALLEST_PX:
        raise ValueError(f"size must be at least {_SMALLEST_PX} px, not {size}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, but is {seed}")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already")
    parameters = {**counts, "size": size, "seed": seed}
    with atomic_path(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        _fill(archive, parameters, progress)


def _fill(
    archive: zipfile.ZipFile,
    parameters: dict[str, int],
    progress: Callable[[int, int], None] | None,
) -> None:
    size, seed = parameters["size"], parameters["seed"]
    figures = [
        foreground(np.random.default_rng([seed, _FOREGROUND, f]), size)
        for f in range(parameters["foregrounds"])
    ]
    pairs = list(itertools.product(range(len(figures)), range(parameters["placements"])))
    rows: list[dict[str, str | int]] = []
    for b in range(parameters["backgrounds"]):
        background = f"b{b:03d}"
        rng = np.random.default_rng([seed, _BACKGROUND, b])
        scene = (room, street)[b % 2](rng)
        view = render(scene, size)
        _write(
            archive,
            f"background/{background}.jpg",
            _jpeg(rng, render(handheld(rng, scene), size).colour, strength=0.7),
        )
        for f, p in pairs:
            key = f"{background}_f{f:03d}_p{p}"
            rng = np.random.default_rng([seed, _SAMPLE, b, f, p])
            placement = placed(rng, figures[f], scene.camera, view)
            light = composed(rng, scene, view, figures[f], placement)
            _write(archive, f"composite/{key}.jpg", _jpeg(rng, light, strength=1.0))
            _write(archive, f"mask/{key}.png", _mask(placement.alpha))
            _write(archive, f"depth/{key}.png", _depth(composed_depth_m(view, placement)))
            rows.append(
                {
                    "key": key,
                    "background": background,
                    "foreground": f"f{f:03d}",
                    "mirrored": int(placement.mirrored),
                    "placement": p,
                    "scene": scene.kind,
                }
            )
            if progress is not None:
                progress(len(rows), parameters["backgrounds"] * len(pairs))
    _write(archive, "samples.csv", _table(rows))
    _write(archive, "dataset.json", _description(parameters))


def _jpeg(rng: np.random.Generator, linear: Array, *, strength: float) -> bytes:
    picture = photograph(rng, linear, strength=strength)
    return bytes(simplejpeg.encode_jpeg(picture, quality=_JPEG_QUALITY, colorsubsampling="420"))


def _mask(alpha: Array) -> bytes:
    """Return alpha in 8 bits; what is half opaque or more is 128 or more."""
    return _png(np.asarray(np.round(alpha * 255), dtype=np.uint8))


def _depth(depth_m: Array) -> bytes:
    """Return depth in 16 bits, in millimetres."""
    return _png(np.asarray(np.round(np.minimum(depth_m, FAR_M) * 1000), dtype=np.uint16))


def _png(picture: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> bytes:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG", compress_level=3)
    return data.getvalue()


def _table(rows: list[dict[str, str | int]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _description(parameters: dict[str, int]) -> bytes:
    description = {
        "format": 1,
        "size": [parameters["size"], parameters["size"]],
        "depth": {
            "kind": "rendered",
            "unit": "mm",
            "maximum": int(FAR_M * 1000),
            "near": "low",
            "invalid": None,
        },
        "generator": {"version": VERSION, **parameters},
    }
    return (json.dumps(description, indent=1) + "\n").encode()


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add an entry that does not tell when or where it was written."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
