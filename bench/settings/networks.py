"""Which network, with which options."""

from __future__ import annotations

import inspect
import json
from typing import Any, TypeGuard

from pydantic import Field, JsonValue, model_validator

import architectures as architecture_registry
from bench.settings import identity, yaml_text
from bench.settings.base import Settings


class Architecture(Settings):
    """A network by name, with the options that its registry entry takes.

    Attributes:
        name: an entry, ``smp:DECODER/ENCODER``, ``timm:ENCODER``, or a user's own as
            ``path/to/file.py:NAME``; `bench list architectures` shows what there is.
        options: which a grid has beside the name: ``{name: unet, width: 0.25}``.
    """

    name: str
    options: dict[str, JsonValue] = Field({})

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"name": value}
        if isinstance(value, Architecture) or (isinstance(value, dict) and "options" in value):
            return value  # already in full form, as a record has it
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            raise ValueError(  # noqa: TRY004 - pydantic explains a ValueError
                "needs a name, as in unet or {name: unet, width: 0.25}"
            )
        options = {key: option for key, option in value.items() if key != "name"}
        return {"name": value["name"], "options": options}

    @property
    def label(self) -> str:
        """The name with its options, as tables show it: ``unet(width=0.25)``; no file's folder."""
        content = identity.of_architecture(self)
        given = sorted(content["options"].items())
        options = ", ".join(f"{key}={_text(value)}" for key, value in given)
        return f"{content['name']}({options})" if options else content["name"]


def check(architecture: Architecture) -> Architecture:
    """Return the architecture without the options that are at their defaults.

    Only ``inputs: composite`` stays in any case: that a network needs no background can then be
    told without loading it.

    Raises:
        ValueError: the registry does not have it, or it does not take an option (a line that names
            the nearest).
    """
    architecture_registry.check_options(architecture.name, architecture.options)
    defaults = architecture_registry.options(architecture.name)
    given = dict(architecture.options)
    if defaults.get("inputs") == "composite":
        given.setdefault("inputs", "composite")
    options = {
        key: float(value) if _is_int(value) and isinstance(defaults.get(key), float) else value
        for key, value in given.items()
    }
    changed = {
        key: value
        for key, value in options.items()
        if (key, value) == ("inputs", "composite")
        or _as_json(value) != _as_json(defaults.get(key, inspect.Parameter.empty))
    }
    return architecture.model_copy(update={"options": changed})


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def _text(value: JsonValue) -> str:
    """An option as YAML would be given it: quoted where it would be read as something else."""
    if isinstance(value, str):
        try:
            plain = yaml_text.parse(value)
        except ValueError:
            plain = None
        return value if plain == value else json.dumps(value)
    return str(value)
