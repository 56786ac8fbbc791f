"""A grid from its YAML file, and a mistake in it as one line."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from architectures.user_code import forget_changed
from bench.errors import InputError, suggestion
from bench.settings.base import Settings
from bench.settings.data import Data, Split
from bench.settings.grid import Grid, Limits
from bench.settings.losses import Balance, LossPair
from bench.settings.training import Recipe, Schedule, Teacher, Train


def load(path: Path) -> Grid:
    """Read and validate a grid file.

    Raises:
        InputError: the file cannot be read, is no YAML, or asks for what does not exist.
    """
    forget_changed()
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        raise InputError(f"{path}: no such grid file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: a grid is a mapping with the keys {', '.join(Grid.model_fields)}"
        )
    try:
        return Grid.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error.errors()[0])}") from None


class _StrictLoader(yaml.SafeLoader):
    r"""YAML in which a key given twice is an error, where plain YAML drops the first in silence.

    So is half a character, as ``"\ud800"``, which no file can keep.
    """

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> str:
        value: str = super().construct_scalar(node)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise yaml.constructor.ConstructorError(
                None, None, f"{value!r} holds half a character", node.start_mark
            ) from None
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the overridden signature
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is listed twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_SECTIONS: dict[str, type[Settings]] = {
    "": Grid,
    "data": Data,
    "data.split": Split,
    "limits": Limits,
    "losses": LossPair,
    "losses.balance": Balance,
    "train": Train,
    "train.losses": LossPair,
    "train.schedule": Schedule,
    "train.stages": Recipe,
    "train.teacher": Teacher,
}


def _explain(error: ErrorDetails) -> str:
    """One line for one validation error: the key, what is wrong, what would be right."""
    location = [str(part) for part in error["loc"]]
    section = ".".join(part for part in location[:-1] if not part.isdigit())
    where = ".".join(location)
    given = error["input"]
    match error["type"]:
        case "extra_forbidden" if section in _SECTIONS:
            near = suggestion(location[-1], _SECTIONS[section].model_fields)
            return f"unknown key {where!r}{near}"
        case "missing":
            return f"the key {where!r} is missing"
        case "literal_error" if isinstance(given, str):
            choices = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            return f"{where}: unknown value {given!r}{suggestion(given, choices)}"
        case "too_short":
            return f"{where}: is empty; give at least one"
        case "value_error":
            return f"{where}: {error['ctx']['error']}"
        case _:
            return f"{where}: {error['msg'].lower()}, not {given!r}"
