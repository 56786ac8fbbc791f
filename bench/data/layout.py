"""Which entries of an archive belong together: the canonical layout.

An archive holds ``background/<id>.jpg``, ``composite/<key>.jpg``, ``mask/<key>.png``,
``depth/<key>.png``, ``samples.csv`` (key, background, and any further columns) and ``dataset.json``
(how depth is coded). Pictures may be JPEG or PNG whatever the folder.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal

import pandas as pd
from pydantic import BaseModel, Field, ValidationError

from bench.data.archive import Archive
from bench.errors import InputError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")


class DepthCoding(BaseModel):
    """How a depth picture's values are to be read.

    Attributes:
        maximum: the value that means 1: the far end (``near: low``), or the near one, which is then
            turned round (``near: high``).
        near: which end of the values is near the camera.
        invalid: the value that means "no reading", if there is one.
        unit: what a value of 1 measures; for the reader's information.
    """

    maximum: Annotated[int, Field(ge=1, le=65535)] = 255
    near: Literal["low", "high"] = "low"
    invalid: int | None = None
    unit: str | None = None


class _Description(BaseModel):
    format: Literal[1]
    depth: DepthCoding = DepthCoding()


@dataclass(frozen=True)
class Layout:
    """The samples of one archive.

    Attributes:
        archive: where they lie.
        samples: one row a sample: ``key``; ``background`` (its id); the entry names
            ``background_entry``, ``composite_entry``, ``mask_entry``, ``depth_entry``; and the
            further columns of ``samples.csv``, as text.
        depth_coding: how the depth pictures are to be read.
    """

    archive: Archive
    samples: pd.DataFrame
    depth_coding: DepthCoding


def read_layout(archive: Archive) -> Layout:
    """Pair the entries of an archive by the keys in its ``samples.csv``.

    Raises:
        InputError: the archive is not in the canonical layout, or a sample lacks a picture.
    """
    for needed in ("samples.csv", "dataset.json"):
        if needed not in archive.names:
            raise InputError(
                f"{archive.path}: has no {needed}; a canonical archive holds background/, "
                "composite/, mask/, depth/, samples.csv and dataset.json"
            )
    samples = _read_samples(archive)
    pictures = {
        str(PurePosixPath(name).with_suffix("")): name
        for name in archive.names
        if name.lower().endswith(PICTURE_SUFFIXES)
    }
    for kind, column in (
        ("background", "background"),
        ("composite", "key"),
        ("mask", "key"),
        ("depth", "key"),
    ):
        entries = (kind + "/" + samples[column]).map(pictures)
        if entries.isna().any():
            row = samples[entries.isna()].iloc[0]
            raise InputError(
                f"{archive.path}: sample {row['key']} has no {kind}: "
                f"{kind}/{row[column]}.jpg or .png is missing"
            )
        samples[f"{kind}_entry"] = entries
    return Layout(archive, samples, _read_description(archive).depth)


def _read_samples(archive: Archive) -> pd.DataFrame:
    content = archive.read("samples.csv")
    try:
        samples = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{archive.path}: samples.csv: not a CSV table ({error})") from None
    for column in ("key", "background"):
        if column not in samples:
            raise InputError(
                f"{archive.path}: samples.csv: has no column {column!r} "
                f"(columns: {', '.join(samples.columns)})"
            )
    if samples.empty:
        raise InputError(f"{archive.path}: samples.csv: lists no sample")
    repeated = samples["key"][samples["key"].duplicated()]
    if not repeated.empty:
        raise InputError(f"{archive.path}: samples.csv: the key {repeated.iloc[0]} stands twice")
    return samples


def _read_description(archive: Archive) -> _Description:
    try:
        return _Description.model_validate(json.loads(archive.read("dataset.json")))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{archive.path}: dataset.json: not valid JSON ({error})") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{archive.path}: dataset.json: {where}: {first['msg']}, not {first['input']!r}"
        ) from None
