"""What every group of settings is, the size of images, and seeds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationInfo

Size = tuple[int, int]  # height and width in pixels

STORED = {"stored": True}  # the context in which settings that a study keeps are read


def _as_seed(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:
        raise ValueError(f"a seed is a whole number from 0 to 2^64 - 1, not {value!r}")
    return value


Seed = Annotated[int, BeforeValidator(_as_seed)]
# Python takes true for 1 and 4.0 for 4, a reader of a grid does not.
Number = Annotated[float, Strict()]  # a whole one, too
WholeNumber = Annotated[int, Strict()]
NonNegativeInt = Annotated[WholeNumber, Field(ge=0)]
PositiveInt = Annotated[WholeNumber, Field(gt=0)]
OneOrMore = BeforeValidator(lambda value: value if isinstance(value, list | tuple) else [value])


class Settings(BaseModel):
    """A frozen group of settings in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def is_stored(info: ValidationInfo) -> bool:
    """Return whether settings are read from a study, which has checked them when it kept them.

    They are then not looked up in the registries: the code that they name may be elsewhere.
    """
    return bool(info.context and info.context.get("stored"))


def require_distinct(entries: Iterable[object]) -> None:
    """Make sure that no entry of a list is there twice.

    Raises:
        ValueError: one is.
    """
    seen = set()
    for entry in entries:
        content = entry.model_dump(mode="json") if isinstance(entry, Settings) else entry
        # By their text: to Python 1, 1.0 and True are the same.
        text = json.dumps(content, sort_keys=True)
        if text in seen:
            name = entry if isinstance(entry, str | int) else getattr(entry, "label", "an entry")
            raise ValueError(f"{name} is listed twice")
        seen.add(text)
