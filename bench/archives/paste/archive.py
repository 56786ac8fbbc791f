"""Write the archive: every cut-out into every background, in the canonical layout, resumable."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from bench.archives.growing_zip import GrowingZip
from bench.archives.paste.images import digest, list_images, read_background, read_cutout
from bench.archives.paste.paste import ALPHA_THRESHOLD
from bench.archives.paste.samples import Mirror, Row, Sample, Settings, mirrored_id, place_all
from bench.data.images import Pixels
from bench.errors import InputError

VERSION = 2
"""Changes whenever the same images and settings give other samples."""

_JPEG_QUALITY = 95


class DepthSource(Protocol):
    """What tells the depth of a composite.

    Attributes:
        coding: the section ``depth`` of ``dataset.json``.
        batch_size: how many images are asked for at once.
    """

    coding: dict[str, str | int]
    batch_size: int

    def coded(self, images: list[Pixels]) -> list[npt.NDArray[np.uint16]]:
        """The depth (H, W) of each image (H, W, 3), coded as ``coding`` says."""
        ...


@dataclasses.dataclass(frozen=True)
class Made:
    """What was written.

    Attributes:
        samples: how many.
        shrunk: the ids of cut-outs that were larger than the frame and were scaled down to fit.
        skipped: why each image that is of no use is in no sample.
    """

    samples: int
    shrunk: list[str]
    skipped: list[str]


def make(
    path: Path,
    backgrounds: Path,
    foregrounds: Path,
    settings: Settings,
    *,
    depth: DepthSource | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Made:
    """Paste every cut-out into every background and write the archive.

    Images that are of no use are left out. Interrupted, it leaves ``<path>.partial``, and called
    again with the same images and settings goes on from there. The result is the same to the byte.
    Each sample's place depends on the seed, its own names and the places of the same object before
    it, so further images, or placements, add samples without changing the earlier ones.

    Args:
        path: the zip to write; appears at the end, at once. Its folder is made where missing.
        backgrounds: the folder of scenes, JPEG or PNG; their central square is used.
        foregrounds: the folder of cut-outs, RGBA PNG; transparent margins are trimmed.
        settings: how the samples are made.
        depth: what tells depth; without it the archive has none.
        progress: called after each sample with the number of samples ready and of all.

    Raises:
        InputError: the path exists, no image of a folder is of use, or the partial file was begun
            with other images or settings.
    """
    if path.exists():
        raise InputError(f"{path} exists already")
    # A bad image shows before the first sample, not after hours.
    scenes, no_scenes = _usable(backgrounds, read_background, settings.size)
    objects, no_objects = _usable(foregrounds, read_cutout, settings.size)
    _check_names(scenes, objects, settings.mirror)
    cutouts = [read_cutout(file, settings.size) for file in objects.values()]
    record = _description(settings, scenes, objects, depth)
    twins = 1 if settings.mirror == "none" else 2
    total = len(scenes) * len(cutouts) * settings.placements * twins
    rows: list[Row] = []
    with GrowingZip(path, ("dataset.json", record)) as archive:
        for scene, file in scenes.items():
            background = read_background(file, settings.size)
            _write_background(archive, scene, background)
            if settings.mirror == "both":
                _write_background(archive, mirrored_id(scene), background[:, ::-1])
            samples = place_all(scene, background, cutouts, settings)
            while batch := list(islice(samples, depth.batch_size if depth else 1)):
                _write_samples(archive, batch, depth)
                rows += [sample.row for sample in batch]
                if progress is not None:
                    progress(len(rows), total)
        if "samples.csv" not in archive:
            archive.write("samples.csv", _table(rows))
        archive.finish()
    fitted = [cutout.id for cutout in cutouts if cutout.shrunk]
    return Made(
        total,
        shrunk=fitted if settings.recipe == "uniform" and not settings.scale else [],
        skipped=[*no_scenes, *no_objects],
    )


def _usable(
    folder: Path, read: Callable[[Path, int], object], size: int
) -> tuple[dict[str, Path], list[str]]:
    """The images of a folder that can be read for a frame of a size, and why others cannot."""
    images, skipped = {}, []
    for name, file in list_images(folder).items():
        try:
            read(file, size)
        except InputError as error:
            skipped.append(str(error))
        else:
            images[name] = file
    if not images:
        raise InputError(
            f"{folder}: none of its {len(skipped)} images is of use; the first: {skipped[0]}"
        )
    return images, skipped


def _check_names(scenes: dict[str, Path], objects: dict[str, Path], mirror: Mirror) -> None:
    """See to it that no two entries would have one name."""
    if mirror == "both":
        for scene, file in scenes.items():
            if mirrored_id(scene) in scenes:
                raise InputError(
                    f"{scenes[mirrored_id(scene)]}: its name is that of {file.name} mirrored; "
                    "rename it"
                )
    pairs: dict[str, str] = {}
    for scene, cutout in product(scenes, objects):
        pair = f"{scene} with {cutout}"
        other = pairs.setdefault(f"{scene}_{cutout}", pair)
        if other != pair:
            raise InputError(f"{pair} and {other} would have one key; rename one of the images")


def _write_background(archive: GrowingZip, scene: str, image: Pixels) -> None:
    name = f"background/{scene}.jpg"
    if name not in archive:
        archive.write(name, _jpeg(image))


def _write_samples(archive: GrowingZip, batch: list[Sample], depth: DepthSource | None) -> None:
    """Write what the archive lacks of a batch; depth is always asked for the whole of it.

    So a model sees the same batches however often the program was interrupted.
    """
    for sample in batch:
        key = sample.row["key"]
        if f"composite/{key}.jpg" not in archive:
            archive.write(f"composite/{key}.jpg", _jpeg(sample.composite))
        if f"mask/{key}.png" not in archive:
            archive.write(f"mask/{key}.png", _png(sample.mask.astype(np.uint8) * np.uint8(255)))
    if depth is None or f"depth/{batch[-1].row['key']}.png" in archive:
        return
    for sample, coded in zip(
        batch, depth.coded([sample.composite for sample in batch]), strict=True
    ):
        name = f"depth/{sample.row['key']}.png"
        if name not in archive:
            archive.write(name, _png(coded))


def _jpeg(image: Pixels) -> bytes:
    """Encode without thinning out the colors, which would blur the object's edge."""
    return bytes(
        simplejpeg.encode_jpeg(
            np.ascontiguousarray(image), quality=_JPEG_QUALITY, colorsubsampling="444"
        )
    )


def _png(image: npt.NDArray[np.uint8 | np.uint16]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG", compress_level=3)
    return content.getvalue()


def _table(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _description(
    settings: Settings,
    scenes: dict[str, Path],
    objects: dict[str, Path],
    depth: DepthSource | None,
) -> bytes:
    """All that the archive depends on, so that only the same command goes on with a partial one."""
    description: dict[str, Any] = {
        "format": 1,
        "size": [settings.size, settings.size],
        **({"depth": depth.coding} if depth else {}),
        "composites": {
            "version": VERSION,
            **dataclasses.asdict(settings),
            "alpha_threshold": ALPHA_THRESHOLD,
            "jpeg_quality": _JPEG_QUALITY,
            "backgrounds": {"count": len(scenes), "sha256": digest(scenes)},
            "foregrounds": {"count": len(objects), "sha256": digest(objects)},
        },
    }
    return (json.dumps(description, indent=1) + "\n").encode()
