"""How a data set is laid out: one zip, the same bytes for the same parameters."""

import csv
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from bench.data.generator.compose import composed, composed_depth_m, photograph, placed
from bench.data.generator.foreground import foreground
from bench.data.generator.places import room, street
from bench.data.generator.scene import render
from bench.data.generator.texture import Array

VERSION = 1
"""Changes whenever the same parameters give other pictures."""
FAR_M = 12.0
"""Depth is coded in millimetres up to here; the sky and all beyond count as here."""

_BACKGROUND, _FOREGROUND, _SAMPLE = range(3)
_COLUMNS = ("key", "background", "foreground", "mirrored", "placement", "scene")
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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with zipfile.ZipFile(partial, "w") as archive:
            _fill(archive, parameters, progress)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


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
    total = len(figures) * parameters["backgrounds"] * parameters["placements"]
    rows: list[dict[str, str | int]] = []
    for b in range(parameters["backgrounds"]):
        rng = np.random.default_rng([seed, _BACKGROUND, b])
        scene = (room, street)[b % 2](rng)
        view = render(scene, size)
        _write(
            archive, f"background/b{b:03d}.jpg", _jpeg(photograph(rng, view.colour, strength=0.3))
        )
        for f, figure in enumerate(figures):
            for p in range(parameters["placements"]):
                key = f"b{b:03d}_f{f:03d}_p{p}"
                rng = np.random.default_rng([seed, _SAMPLE, b, f, p])
                placement = placed(rng, figure, scene.camera, view)
                light = composed(rng, scene, view, figure, placement)
                mask = np.asarray(np.round(placement.alpha * 255), dtype=np.uint8)
                _write(archive, f"composite/{key}.jpg", _jpeg(photograph(rng, light, strength=1.0)))
                _write(archive, f"mask/{key}.png", _png(mask))
                _write(archive, f"depth/{key}.png", _png(_coded(composed_depth_m(view, placement))))
                identity = (key, f"b{b:03d}", f"f{f:03d}", int(placement.mirrored), p, scene.kind)
                rows.append(dict(zip(_COLUMNS, identity, strict=True)))
                if progress is not None:
                    progress(len(rows), total)
    _write(archive, "samples.csv", _csv(rows))
    _write(archive, "dataset.json", _description(parameters))


def _coded(depth_m: Array) -> npt.NDArray[np.uint16]:
    """Return depth in millimetres, 16 bits."""
    return np.asarray(np.round(np.minimum(depth_m, FAR_M) * 1000), dtype=np.uint16)


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


def _csv(rows: list[dict[str, str | int]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _jpeg(picture: npt.NDArray[np.uint8]) -> bytes:
    return bytes(simplejpeg.encode_jpeg(picture, quality=_JPEG_QUALITY, colorsubsampling="420"))


def _png(picture: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> bytes:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG", compress_level=3)
    return data.getvalue()


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add an entry that does not tell when or where it was written."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
