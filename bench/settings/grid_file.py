"""A grid from its YAML file, and a mistake in it as one line."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from architectures.user_code import forget_changed
from bench.errors import InputError, suggestion
from bench.settings import yaml_text
from bench.settings.base import Settings
from bench.settings.budget import Budget
from bench.settings.data import Data, Split
from bench.settings.grid import Grid
from bench.settings.keep import Keep
from bench.settings.limits import Limits
from bench.settings.losses import Balance, LossPair
from bench.settings.schedule import Schedule
from bench.settings.training import Recipe, Teacher, Train
from bench.settings.tuning import Tune
from bench.text import shortened

SHOWN = 100  # characters of a value that is at fault


def load(path: Path) -> Grid:
    """Read and validate a grid file.

    Raises:
        InputError: the file cannot be read, is no YAML, is beyond the limits of
            `bench.settings.yaml_text`, or asks for what does not exist.
    """
    forget_changed()
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(yaml_text.MAX_LENGTH + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such grid file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    try:
        content = yaml_text.parse(text)
    except ValueError as error:
        raise InputError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: a grid is a mapping with the keys {', '.join(Grid.model_fields)}"
        )
    try:
        return Grid.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error.errors()[0])}") from None


_SECTIONS: dict[str, type[Settings]] = {
    "": Grid,
    "data": Data,
    "data.split": Split,
    "keep": Keep,
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

_ALSO_TEXTS = {"losses", "train.losses"}

# What would be right in place of a value of another type.
_RIGHT = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "string_type": "a text",
    "tuple_type": "a list, as [a, b]",
}


def _explain(error: ErrorDetails) -> str:
    """One line for one validation error: the key, what is wrong, what would be right."""
    location = [str(part) for part in error["loc"]]
    section = ".".join(part for part in location[:-1] if not part.isdigit())
    where = shortened(".".join(location), SHOWN)
    given = error["input"]
    shown = "null" if given is None else shortened(repr(given), SHOWN)
    match error["type"]:
        case "extra_forbidden" if section in _SECTIONS:
            near = suggestion(location[-1], _SECTIONS[section].model_fields)
            line = f"unknown key {where!r}{near}"
        case "missing":
            line = f"the key {where!r} is missing"
        case "literal_error" if isinstance(given, str):
            choices = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            line = f"{where}: unknown value {shown}{suggestion(given, choices)}"
        case "too_short":
            line = f"{where}: is empty; give at least one"
        case "value_error":
            line = ": ".join(filter(None, (where, str(error["ctx"]["error"]))))
        case "model_type" if (
            named := ".".join(p for p in location if not p.isdigit())
        ) in _SECTIONS:
            keys = ", ".join(_SECTIONS[named].model_fields)
            what = "a text or a mapping" if named in _ALSO_TEXTS else "a mapping"
            line = f"{where}: give {what}, not {shown} (keys: {keys})"
        case kind if kind in _RIGHT:
            line = f"{where}: give {_RIGHT[kind]}, not {shown}"
        case _:
            line = f"{where}: {error['msg'].lower()}, not {shown}"
    return line
