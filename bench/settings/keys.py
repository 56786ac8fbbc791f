"""Which settings there are: every key of a grid with its dots, as ``train.schedule``."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic.fields import FieldInfo

from bench.errors import InputError
from bench.settings.base import Settings
from bench.settings.grid import Grid
from bench.settings.training import Train
from bench.settings.tuning import Interval

_ATTRIBUTE = re.compile(r"^    (\w+(?:, \w+)*): ", re.MULTILINE)
REFUSED = {(Train, "losses")}  # which are the grid's, or a stage's


@dataclass(frozen=True)
class Key:
    """A setting.

    Attributes:
        name: with its dots; the numbers of a list's entries are left out.
        group: of settings, that it belongs to.
        field: of that group.
    """

    name: str
    group: type[Settings]
    field: FieldInfo

    @property
    def own_name(self) -> str:
        """What stands after the last dot."""
        return self.name.rpartition(".")[2]

    def beside(self, own_name: str) -> str:
        """Return the name of another setting of its group."""
        return self.name.removesuffix(self.own_name) + own_name

    @property
    def description(self) -> str:
        """What the docstring of its group, or of the group that this one extends, says of it.

        Of a setting that is a group itself, what that group is, where nothing more is said.
        """
        for group in self.group.__mro__:
            text = _attributes(group).get(self.own_name) if issubclass(group, Settings) else None
            if text is not None:
                return text
        inner = group_of(self.field)
        return "" if inner is None else (inspect.getdoc(inner) or "").partition("\n\n")[0]


@functools.cache
def every_key() -> dict[str, Key]:
    """Return all keys by name, in the grid's order, each group before what is in it."""
    return {key.name: key for key in _keys("", Grid)}


def groups() -> dict[str, type[Settings]]:
    """Return the groups of settings by the key that they stand under; the grid's is empty."""
    found = {key.name: group for key in every_key().values() if (group := group_of(key.field))}
    return {"": Grid, **found}


def find(name: str) -> Key:
    """Return a key by its name; numbers of entries, as in ``train.stages.0``, may be in it.

    Raises:
        InputError: there is no such key.
    """
    plain = ".".join(part for part in name.split(".") if not part.isdecimal())
    keys = every_key()
    if plain in keys:
        return keys[plain]
    by_own_name = {key.own_name: key.name for key in reversed(keys.values())}
    own_name = plain.lower().rpartition(".")[2]
    near = [
        *get_close_matches(plain.lower(), keys, n=1),
        *(by_own_name[close] for close in get_close_matches(own_name, by_own_name, n=1)),
    ]
    meant = f"; did you mean {near[0]!r}?" if near else ""
    raise InputError(f"unknown key {name!r}{meant} (`bench explain` lists them all)")


def group_of(field: FieldInfo) -> type[Settings] | None:
    """Return the group of settings that a field holds, alone or in a list; None: it holds none."""
    return next(_settings_in(field.annotation), None)


def first_of(key: Key) -> Key:
    """Return the first key that means the same: of ``train.stages.epochs``, ``train.epochs``."""
    return next(one for one in every_key().values() if _origin(one) == _origin(key))


def _origin(key: Key) -> tuple[type, str]:
    """The group that a key's setting is first declared in, and its name there."""
    declaring = [g for g in key.group.__mro__ if issubclass(g, Settings)]
    return next(g for g in reversed(declaring) if key.own_name in g.model_fields), key.own_name


def _keys(prefix: str, group: type[Settings]) -> Iterator[Key]:
    for name, field in group.model_fields.items():
        if (group, name) in REFUSED:
            continue
        yield Key(f"{prefix}{name}", group, field)
        inner = group_of(field)
        if inner is not None:
            yield from _keys(f"{prefix}{name}.", inner)


def _settings_in(annotation: Any) -> Iterator[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        if annotation is not Interval:  # which is written as a text
            yield annotation
        return
    for inner in get_args(annotation):
        yield from _settings_in(inner)


def _attributes(group: type[Settings]) -> dict[str, str]:
    """What the docstring of a group says of each of its settings."""
    _, _, section = (inspect.getdoc(group) or "").partition("Attributes:\n")
    pieces = _ATTRIBUTE.split(section)[1:]
    return {
        name: " ".join(text.split())
        for names, text in zip(pieces[::2], pieces[1::2], strict=True)
        for name in names.split(", ")
    }
