"""Which network, with which options."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import Field, JsonValue, model_validator

import architectures as architecture_registry
from bench.settings.base import Settings


class Architecture(Settings):
    """A network by name, with the options that its registry entry takes."""

    name: str
    options: dict[str, JsonValue] = Field({})
    source_sha256: str | None = None  # of a user's own file: an edited network is another cell

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, dict) or "options" in value:
            return value  # already in full form, as a record has it
        if not isinstance(value.get("name"), str):
            raise ValueError(  # noqa: TRY004 - pydantic explains a ValueError
                "needs a name, as in {name: unet, width: 0.25}"
            )
        options = {key: option for key, option in value.items() if key != "name"}
        return {"name": value["name"], "options": options}

    @property
    def label(self) -> str:
        """The name with its options, as tables show it: ``unet(width=0.25)``."""
        options = ", ".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{self.name}({options})" if options else self.name


def checked(architecture: Architecture) -> Architecture:
    """The architecture, if the registry has it and takes its options.

    Raises:
        ValueError: it does not (a line that names the nearest).
    """
    architecture_registry.check_options(architecture.name, architecture.options)
    source = architecture_registry.source_of(architecture.name)
    if source is None:
        return architecture
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    return architecture.model_copy(update={"source_sha256": digest})
