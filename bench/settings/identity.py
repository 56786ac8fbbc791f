"""What makes two experiments the same: their settings, without any path.

Where an archive, a list, or a file of weights or code lies does not matter. What was in it does:
that is kept in a record as its provenance. Settings at their defaults are left out, so that a
setting that is new in a later version changes no id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

import losses

if TYPE_CHECKING:
    from bench.settings.data import Data
    from bench.settings.losses import LossPair
    from bench.settings.networks import Architecture
    from bench.settings.training import Recipe, Teacher

WEIGHT_FILES = {".safetensors", ".pt", ".pth", ".ckpt", ".bin"}
DIGITS = 12  # of an id: for a million experiments the chance of two alike is 1 in 500


def digest(content: JsonValue) -> str:
    """Return the id of some settings, the same whatever the order of their keys."""
    canonical = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGITS]


def is_weights_file(option: str, value: object) -> bool:
    """Return whether an option's value is the path of a file of weights.

    That is told by its ending; in ``encoder_weights`` any text but two words is such a path.
    """
    if not isinstance(value, str):
        return False
    if option == "encoder_weights":
        return value not in {"imagenet", "none"}
    return PurePath(value).suffix.lower() in WEIGHT_FILES


def weights_files(architecture: Architecture) -> Iterator[tuple[str, str]]:
    """Give the paths in an architecture's options, each after what it is given to."""
    for option, value in architecture.options.items():
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            if is_weights_file(option, one):
                yield (f"{option}[{number}]" if isinstance(value, list) else option), str(one)


def of_architecture(architecture: Architecture) -> dict[str, Any]:
    """Return what matters of an architecture: of a path, the file's name."""
    where, colon, name = architecture.name.rpartition(":")
    file = PurePath(where).name if where.endswith(".py") else where
    options = {
        option: [_without_folder(option, one) for one in value]
        if isinstance(value, list)
        else _without_folder(option, value)
        for option, value in architecture.options.items()
    }
    return {"name": f"{file}{colon}{name}", "options": options}


def _without_folder(option: str, value: JsonValue) -> JsonValue:
    return PurePath(str(value)).name if is_weights_file(option, value) else value


def of_loss(loss: LossPair) -> dict[str, Any]:
    """Return what matters of a pair of losses: of a path, the file's name."""
    content = loss.model_dump(mode="json", exclude_defaults=True)
    for task in content.keys() & {"mask", "depth"}:
        content[task] = losses.without_folders(content[task])
    return content


def of_data(data: Data) -> dict[str, Any]:
    """Return what matters of the data: size, split, and how the archives are read."""
    content = data.model_dump(
        mode="json", exclude={"archive", "exclude", "split"}, exclude_defaults=True
    )
    listed = data.split.file is not None
    split = data.split.model_dump(mode="json", exclude={"file"}, exclude_defaults=True)
    reading = [
        source.model_dump(mode="json", exclude={"files", "backgrounds"}, exclude_defaults=True)
        for source in data.sources()
    ]
    return {
        **content,
        "split": "listed" if listed else split,
        "reading": [how for how in reading if how],
    }


def of_recipe(recipe: Recipe, data: Data, loss: LossPair | None) -> dict[str, Any]:
    """Return what matters of a stage; size and losses only where they are not the given ones."""
    exclude = {"losses"}
    if recipe.image_size == data.image_size:
        exclude.add("image_size")
    content = recipe.model_dump(mode="json", exclude=exclude, exclude_defaults=True)
    if recipe.losses is not None and recipe.losses != loss:
        content["losses"] = of_loss(recipe.losses)
    return content


def of_teacher(teacher: Teacher, data: Data) -> dict[str, Any]:
    """Return what matters of a teacher; of its weights, whether they come from a file."""
    return {
        **of_recipe(teacher.plain(), data, None),
        "architecture": of_architecture(teacher.architecture),
        "weights": teacher.weights is not None,
    }


def of_metric(spec: str) -> str:
    """Return the name of a metric: of a user's own, the file's name without its folder."""
    where, colon, name = spec.rpartition(":")
    return f"{PurePath(where).name}{colon}{name}"
