"""What every group of settings is, and the size of images."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationInfo

Size = tuple[int, int]  # height and width in pixels

STORED = {"stored": True}  # the context in which settings that a study keeps are read


class Settings(BaseModel):
    """A frozen group of settings in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def is_stored(info: ValidationInfo) -> bool:
    """Return whether settings are read from a study, which has checked them when it kept them.

    They are then not looked up in the registries: the code that they name may be elsewhere.
    """
    return bool(info.context and info.context.get("stored"))
