"""How much each network trains, where neither epochs nor steps are counted."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from bench.settings.base import Number, PositiveInt, Settings


class Budget(Settings):
    """How much a network trains, in one of three units.

    Attributes:
        samples: training images that it sees; the last batch counts whole.
        seconds: of wall time, validation aside. The learning rate moves by the share of them that
            is used. How many steps they give depends on the machine and on what else it does, so
            that no two runs agree to the last digit.
        flops: floating-point operations; the last step counts whole. What a step takes is counted
            for each network.
    """

    samples: PositiveInt | None = None
    seconds: Number | None = Field(None, gt=0)
    flops: Number | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _in_one_unit(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("needs one of samples, seconds and flops, as in {samples: 20000}")
        return self

    @property
    def label(self) -> str:
        """The budget in words."""
        if self.samples is not None:
            return f"{self.samples:,} samples"
        return f"{self.seconds:g} s" if self.seconds is not None else f"{self.flops:g} FLOPs"
