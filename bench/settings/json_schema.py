"""The JSON schema of a grid file, by which editors complete, explain and underline.

It knows every key, type, choice and bound. What depends on several keys at once, and what names of
networks and losses there are, is left to `bench run --dry-run`.
"""

from __future__ import annotations

import inspect
from typing import Any

from bench.settings.grid import Grid
from bench.settings.keys import every_key, groups
from bench.settings.training import Recipe
from bench.settings.tuning import INTERVAL, Tune

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LISTS = {  # for which one entry can be written alone
    "Data": ("archive",),
    "Grid": ("architectures", "losses", "metrics"),
    "Recipe": ("freeze",),
    "Source": ("files",),
    "Teacher": ("freeze",),
    "Train": ("freeze",),
}
BY_NAME = {"Balance": "method", "Schedule": "name"}  # which one setting can stand for
KEPT = ("default", "description")

Schema = dict[str, Any]


def grid_schema() -> Schema:
    """Return the schema, as a JSON document holds it."""
    schema = Grid.model_json_schema()
    definitions = schema.pop("$defs")
    by_group = {group.__name__: group for group in groups().values()}
    for name, definition in {"Grid": schema, **definitions}.items():
        definition.pop("title", None)
        if name in by_group:
            definition["description"] = _first_paragraph(by_group[name])
        for value in definition.get("properties", {}).values():
            value.pop("title", None)
        _uniform(definition)
    for key in every_key().values():
        owner = schema if key.group is Grid else definitions[key.group.__name__]
        owner["properties"][key.own_name]["description"] = key.description
    _add_shorthands({"Grid": schema, **definitions}, definitions)
    return {
        "$schema": DIALECT,
        "title": "A grid of maskdepth-bench",
        **schema,
        "$defs": definitions,
    }


def _first_paragraph(group: type) -> str:
    return " ".join((inspect.getdoc(group) or "").partition("\n\n")[0].split())


def _uniform(schema: Any) -> None:
    """Write lists of a fixed length so that older dialects, which editors know, have them too."""
    if isinstance(schema, dict):
        if (entries := schema.pop("prefixItems", None)) is not None:
            schema["items"] = entries[0]
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            _uniform(inner)


def _add_shorthands(all_: dict[str, Schema], definitions: dict[str, Schema]) -> None:
    """Allow what a grid may have in place of a list or a mapping."""
    for name, fields in LISTS.items():
        properties = all_[name]["properties"]
        for field in fields:
            properties[field] = _any_of(properties[field], properties[field]["items"])
    for name in ("Data", "Recipe", "Teacher", "Train"):
        properties = all_[name]["properties"]
        pair = properties["image_size"]
        side = next(one for one in pair.get("anyOf", [pair]) if "items" in one)["items"]
        properties["image_size"] = _any_of(pair, side)
    interval = {"type": "string", "pattern": f"^{INTERVAL.pattern}$"}
    for name in Tune.model_fields.keys() & Recipe.model_fields:
        properties = all_["Tune"]["properties"]
        properties[name] = _any_of(properties[name], interval)
    for name, field in BY_NAME.items():
        definitions[name] = _any_of(definitions[name], definitions[name]["properties"][field])
    definitions["LossPair"] = _any_of(definitions["LossPair"], {"type": "string"})
    network = definitions["Architecture"]
    network["properties"].pop("options")
    network["additionalProperties"] = True  # its options
    definitions["Architecture"] = _any_of(network, {"type": "string"})


def _any_of(schema: Schema, shorthand: Schema) -> Schema:
    """Allow a shorthand; what is said of the whole stays with the whole."""
    said = {key: schema[key] for key in KEPT if key in schema}
    full = {key: value for key, value in schema.items() if key not in KEPT}
    plain = {key: value for key, value in shorthand.items() if key not in KEPT}
    return {"anyOf": [plain, *full.get("anyOf", [full])], **said}
