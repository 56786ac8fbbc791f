"""What every group of settings is, and the size of images."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Size = tuple[int, int]  # height and width in pixels


class Settings(BaseModel):
    """A frozen group of settings in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
