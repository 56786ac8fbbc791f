"""The JSON schema of a grid file, by which editors complete, explain and underline.

It knows every key, type, choice and bound. What depends on several keys at once, and what names of
networks and losses there are, is left to `bench run --dry-run`.
"""

from __future__ import annotations

import inspect
from typing import Any

from bench.settings.grid import Grid
from bench.settings.keys import REFUSED, every_key, groups
from bench.settings.recipe import Recipe
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
SIZED = ("Data", "Recipe", "Teacher", "Train")  # with one number for height and width
BY_NAME = {"Balance": "method", "Schedule": "name"}  # which one setting can stand for
KEPT = ("default", "description")

Schema = dict[str, Any]


def grid_schema() -> Schema:
    """Return the schema, as a JSON document holds it."""
    schema = Grid.model_json_schema()
    by_name: dict[str, Schema] = {"Grid": schema, **schema.pop("$defs")}
    for owner, name in REFUSED:
        del by_name[owner.__name__]["properties"][name]
    for group in groups().values():
        by_name[group.__name__]["description"] = _first_paragraph(group)
    for key in every_key().values():
        by_name[key.group.__name__]["properties"][key.own_name]["description"] = key.description
    for one in by_name.values():
        for titled in (one, *one.get("properties", {}).values()):
            titled.pop("title", None)
        _uniform(one)
    _add_shorthands(by_name)
    grid = by_name.pop("Grid")
    return {"$schema": DIALECT, "title": "A grid of maskdepth-bench", **grid, "$defs": by_name}


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


def _add_shorthands(by_name: dict[str, Schema]) -> None:
    """Allow what a grid may have in place of a list or a mapping; the groups are changed."""
    for name, fields in LISTS.items():
        properties = by_name[name]["properties"]
        for field in fields:
            properties[field] = _any_of(properties[field], properties[field]["items"])
    for name in SIZED:
        properties = by_name[name]["properties"]
        pair = properties["image_size"]
        side = next(one for one in pair.get("anyOf", [pair]) if "items" in one)["items"]
        properties["image_size"] = _any_of(pair, side)
    interval = {"type": "string", "pattern": f"^{INTERVAL.pattern}$"}
    searched = by_name["Tune"]["properties"]
    for name in Tune.model_fields.keys() & Recipe.model_fields:
        searched[name] = _any_of(searched[name], interval)
    for name, field in BY_NAME.items():
        by_name[name] = _any_of(by_name[name], by_name[name]["properties"][field])
    by_name["LossPair"] = _any_of(by_name["LossPair"], {"type": "string"})
    network = by_name["Architecture"]
    network["properties"].pop("options")
    network["additionalProperties"] = True  # its options
    by_name["Architecture"] = _any_of(network, {"type": "string"})


def _any_of(schema: Schema, shorthand: Schema) -> Schema:
    """Allow a shorthand; what is said of the whole stays with the whole."""
    said = {key: schema[key] for key in KEPT if key in schema}
    full = {key: value for key, value in schema.items() if key not in KEPT}
    plain = {key: value for key, value in shorthand.items() if key not in KEPT}
    return {"anyOf": [plain, *full.get("anyOf", [full])], **said}
