"""What a study keeps of a cell besides its figures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.settings.base import NonNegativeInt, Number, Settings


class Keep(Settings):
    """What is kept; none of it is part of a cell's identity, as it changes no figure.

    Attributes:
        weights: of the network: ``best``, those that were scored; ``last``, those after the last
            step; ``none``.
        checkpoint_seconds: between two checkpoints of a training, at least. They are further apart
            where writing them takes more than half a percent of the time; None: there are none.
        predictions: of how many test images each trained cell's masks and depth are kept, so that a
            report can show them. They are drawn from the test images before anything is trained,
            the same ones for all cells; 0: of none.
    """

    weights: Literal["best", "last", "none"] = "best"
    checkpoint_seconds: Number | None = Field(60.0, ge=0)
    predictions: NonNegativeInt = 8
