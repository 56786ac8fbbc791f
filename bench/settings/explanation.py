"""What a setting of a grid means, in words."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from bench.settings.base import Settings
from bench.settings.examples import BEFORE, BESIDE, EXAMPLES, WHOLE
from bench.settings.grid import Grid
from bench.settings.json_schema import Schema, grid_schema
from bench.settings.keys import Key, every_key, find, first_of, group_of

_SENTENCE_END = re.compile(r"(?<!et al)\. ")
_TYPES = {
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "a text",
}
_BOUNDS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
}


@dataclass(frozen=True)
class Explanation:
    """What a setting means.

    Attributes:
        key: its name, with dots.
        description: in sentences.
        type: what it may be, in words.
        default: as a grid has it; None: it has to be given.
        yaml: an example, as a line of a grid, with what it cannot do without.
        overrides: the same, as it is typed after the grid's file.
        inner: if it is a group, the names of its settings and how the description of each begins.
    """

    key: str
    description: str
    type: str
    default: str | None
    yaml: str
    overrides: str
    inner: dict[str, str]


def explain(name: str) -> Explanation:
    """Return what a setting means.

    Args:
        name: its key with dots.

    Raises:
        InputError: there is none; the line names the nearest.
    """
    key = find(name)
    line, overrides = _written(key)
    inner = [one for one in every_key().values() if one.name.rpartition(".")[0] == key.name]
    return Explanation(
        key=key.name,
        description=key.description[:1].upper() + key.description[1:],
        type=_type_of(key),
        default=None if key.field.is_required() else as_yaml(key.field.get_default()),
        yaml=line,
        overrides=overrides,
        inner={one.own_name: _beginning(one) for one in inner},
    )


def overview() -> dict[str, str]:
    """Return every key and how its description begins; what means the same is there once."""
    return {key.name: _beginning(key) for key in every_key().values() if first_of(key) is key}


def as_yaml(value: Any) -> str:
    """Return a default as a grid has it, in a line."""
    if isinstance(value, Settings):
        given = value.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        return as_yaml(given) if given else "that of each of its keys"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {as_yaml(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _beginning(key: Key) -> str:
    """The first sentence."""
    return _SENTENCE_END.split(key.description, maxsplit=1)[0].rstrip(".")


def _written(key: Key) -> tuple[str, str]:
    """An example as a line of a grid, and as it is typed behind a grid's file."""
    parts = key.name.split(".")
    text = EXAMPLES[first_of(key).name]
    typed: dict[str, str] = {}
    for depth in range(len(parts), 0, -1):
        here = every_key()[".".join(parts[:depth])]
        needed = BESIDE.get(first_of(here).name, {})
        if here.group.__name__ in WHOLE:
            needed = WHOLE[here.group.__name__] | needed
            typed = {}  # it is in the value that is typed for the group
        elif not typed:
            typed = {here.name: text}
        if typed:
            typed = {here.beside(name): value for name, value in needed.items()} | typed
        given = {name: value for name, value in needed.items() if value != "null"}
        text = ", ".join(f"{n}: {value}" for n, value in (given | {here.own_name: text}).items())
        if depth > 1:
            above = every_key()[".".join(parts[: depth - 1])]
            text = f"{{{text}}}"
            if _is_list(above.field):
                text = f"[{BEFORE.get(above.name, '')}{text}]"
    return text, " ".join(f"{name}={_quoted(value)}" for name, value in typed.items())


def _quoted(text: str) -> str:
    """A value as a shell has to be given it."""
    if "'" in text:
        return f'"{text}"'
    return f"'{text}'" if set(" {[(*") & set(text) else text


def _is_list(field: FieldInfo) -> bool:
    """Whether a field holds a list of groups."""
    pending = [field.annotation]
    while pending:
        annotation = pending.pop()
        if get_origin(annotation) is tuple:
            return group_of(field) is not None
        pending += get_args(annotation)
    return False


@functools.cache
def _schema() -> Schema:
    return grid_schema()


def _type_of(key: Key) -> str:
    schema = _schema()
    definitions = schema["$defs"]
    if key.group is not Grid:
        schema = definitions[key.group.__name__]
    alternatives = schema.get("anyOf", [schema])
    mapping = next(one for one in alternatives if "properties" in one)
    if key.own_name not in mapping["properties"]:  # a network's options
        return "a mapping"
    return _words(mapping["properties"][key.own_name], definitions)


def _words(schema: Schema, definitions: dict[str, Schema]) -> str:
    """What a schema allows, in words."""
    if "$ref" in schema:
        return _words(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if (several := schema.get("anyOf") or schema.get("oneOf")) is not None:
        words = list(dict.fromkeys(_words(one, definitions) for one in several))
        return " or ".join(
            "a list of them" if one == f"a list, each {words[0]}" else one for one in words
        )
    match schema:
        case {"enum": choices}:
            words = choices
        case {"const": choice}:
            words = [choice]
        case {"type": "object", "properties": keys}:
            words = [f"a mapping (keys: {', '.join(keys)})"]
        case {"type": "array", "items": items}:
            many = f" of {schema['minItems']}" if "maxItems" in schema else ""
            words = [f"a list{many}, each {_words(items, definitions)}"]
        case {"type": kind}:
            bounds = [
                f" {word} {schema[name]:g}" for name, word in _BOUNDS.items() if name in schema
            ]
            words = [_TYPES[kind] + "".join(bounds)]
        case _:
            words = ["anything"]
    return " or ".join(words)
