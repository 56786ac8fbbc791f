"""A grid from its YAML file, and a mistake in it as one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bench.errors import InputError, suggestion
from bench.settings import yaml_text
from bench.settings.grid import Grid
from bench.settings.keys import groups
from bench.settings.overrides import overridden
from bench.text import shortened
from user_code import forget_changed

SHOWN = 100  # characters of a value that is at fault


def load(path: Path, overrides: Sequence[str] = ()) -> Grid:
    """Read and validate a grid file.

    Args:
        path: of the file.
        overrides: settings in place of its own, see `bench.settings.overrides`.

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
    content = overridden(content, overrides)
    return _validated(content, f"{path} with {' '.join(overrides)}" if overrides else str(path))


def as_grid(grid: Grid | Mapping[str, Any] | str | Path) -> Grid:
    """Return a grid that is given as itself, as its file, or as what stands in such a file.

    Raises:
        InputError: as `load` does; or it is nothing of the kind.
    """
    if isinstance(grid, Grid):
        return grid
    if isinstance(grid, str | Path):
        return load(Path(grid))
    if not isinstance(grid, Mapping):
        raise InputError(
            "a grid is given as a bench.Grid, the path of its YAML file, or a mapping with the "
            f"keys {', '.join(Grid.model_fields)}; not as {type(grid).__name__}"
        )
    forget_changed()
    return _validated(dict(grid), "the grid")


def _validated(content: dict[str, Any], where: str) -> Grid:
    try:
        return Grid.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{where}: {_explain(_first(error.errors()))}") from None


_BRANCHES = {"str", "Source", "patterns"}  # what a value of several types was read as

_ALSO_TEXTS = {"losses", "train.stages.losses", "train.teacher.losses"}

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


def _first(errors: list[ErrorDetails]) -> ErrorDetails:
    """The first error, but for those that say that a mapping is no text."""
    other = (e for e in errors if not (e["loc"][-1:] == ("str",) and isinstance(e["input"], dict)))
    return next(other, errors[0])


def _explain(error: ErrorDetails) -> str:
    """One line for one validation error: the key, what is wrong, what would be right."""
    location = [str(part) for part in error["loc"] if part not in _BRANCHES]
    *section, own = [part for part in location if not part.isdigit()] or [""]
    where = shortened(".".join(location), SHOWN)
    given = error["input"]
    shown = _as_yaml(given)
    match error["type"]:
        case "extra_forbidden" if (group := groups().get(".".join(section))) is not None:
            near = suggestion(location[-1], group.model_fields)
            line = f"unknown key {where!r}{near}"
        case "missing":
            line = f"the key {where!r} is missing"
        case "literal_error":
            choices = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            line = f"{where}: unknown value {shown}{suggestion(str(given), choices)}"
            if isinstance(given, bool):
                line += "; YAML reads on, yes, off and no as true and false: put them in quotes"
        case "too_short":
            line = f"{where}: is empty; give at least one"
        case "value_error":
            line = ": ".join(filter(None, (where, str(error["ctx"]["error"]))))
        case "model_type" if (named := ".".join([*section, own])) in groups():
            keys = ", ".join(groups()[named].model_fields)
            what = "a text or a mapping" if named in _ALSO_TEXTS else "a mapping"
            line = f"{where}: give {what}, not {shown} (keys: {keys})"
        case kind if kind in _RIGHT:
            line = f"{where}: give {_RIGHT[kind]}, not {shown}"
        case _:
            line = f"{where}: {error['msg'].lower()}, not {shown}"
    return line


def _as_yaml(value: object) -> str:
    """A value that is at fault, as a user has written it."""
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    return shortened(repr(value), SHOWN)
