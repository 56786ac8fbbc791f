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
from bench.settings.budget import Budget
from bench.settings.data import Data, Split
from bench.settings.grid import Grid, Limits
from bench.settings.losses import Balance, LossPair
from bench.settings.schedule import Schedule
from bench.settings.training import Recipe, Teacher, Train
from bench.settings.tuning import Tune


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

    So is half a character, as ``"\ud800"``, which no file can keep. Brackets keep their commas: in
    ``{rate: log(1, 2)}`` plain YAML has a value ``log(1`` and a key ``2)``.
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
        node.value = _with_whole_brackets(node.value)
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is listed twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _with_whole_brackets(entries: list[tuple[yaml.Node, yaml.Node]]) -> list[Any]:
    """Join the keys without a value to the value before them if a bracket is open there."""
    whole: list[tuple[yaml.Node, yaml.Node]] = []
    for key, value in entries:
        before = whole[-1][1] if whole else None
        if (
            isinstance(before, yaml.ScalarNode)
            and before.value.count("(") > before.value.count(")")
            and isinstance(key, yaml.ScalarNode)
            and isinstance(value, yaml.ScalarNode)
            and not value.value
        ):
            before.value += f", {key.value}"
        else:
            whole.append((key, value))
    return whole


_SECTIONS: dict[str, type[Settings]] = {
    "": Grid,
    "data": Data,
    "data.split": Split,
    "limits": Limits,
    "losses": LossPair,
    "losses.balance": Balance,
    "train": Train,
    "train.budget": Budget,
    "train.losses": LossPair,
    "train.schedule": Schedule,
    "train.stages": Recipe,
    "train.teacher": Teacher,
    "tune": Tune,
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
            return ": ".join(filter(None, (where, str(error["ctx"]["error"]))))
        case _:
            return f"{where}: {error['msg'].lower()}, not {given!r}"
