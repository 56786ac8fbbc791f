"""Which losses, and how the two tasks are weighed."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

import losses as loss_registry
from bench.settings.base import Settings


class Balance(Settings):
    """How the losses of the two tasks are weighed.

    Attributes:
        method: ``fixed`` by the two factors; ``uncertainty`` learns them (Kendall et al. 2018,
            https://arxiv.org/abs/1705.07115); ``equal_scale`` divides every term by its value at
            initialisation, so that mixtures are compared without the confound of scale.
        mask, depth: the fixed factors.
    """

    method: Literal["fixed", "uncertainty", "equal_scale"] = "fixed"
    mask: float = Field(1.0, gt=0)
    depth: float = Field(1.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"method": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _factors_only_if_fixed(self) -> Self:
        if self.method != "fixed" and (self.mask, self.depth) != (1, 1):
            raise ValueError(f"{self.method} takes no factors; leave mask and depth out")
        return self


class LossPair(Settings):
    """The objective of each task, as canonical loss expressions; None for one not trained."""

    mask: str | None = None
    depth: str | None = None
    balance: Balance = Balance()

    @model_validator(mode="before")
    @classmethod
    def _same_for_both(cls, value: object) -> object:
        return {"mask": value, "depth": value} if isinstance(value, str) else value

    @field_validator("mask", "depth")
    @classmethod
    def _canonical(cls, value: str | None) -> str | None:
        return None if value is None else str(loss_registry.parse(value))

    @model_validator(mode="after")
    def _usable(self) -> Self:
        expressions = [text for text in (self.mask, self.depth) if text is not None]
        if not expressions:
            raise ValueError("needs a loss for mask or depth, as in {mask: bce}")
        if self.balance.method == "uncertainty":
            for text in expressions:
                for term in loss_registry.parse(text).terms:
                    if loss_registry.load(term.name).minimum < 0:
                        raise ValueError(
                            f"balance: uncertainty cannot weigh {term.name}, which can be negative"
                        )
        return self

    @property
    def label(self) -> str:
        """One expression if both tasks share it, else each: ``mask: bce, depth: l1``."""
        tasks = {"mask": self.mask, "depth": self.depth}
        text = ", ".join(f"{task}: {loss}" for task, loss in tasks.items() if loss is not None)
        if self.mask is not None and self.mask == self.depth:
            text = self.mask
        if self.balance.method != "fixed":
            return f"{text}; {self.balance.method}"
        if (self.balance.mask, self.balance.depth) != (1, 1):
            return f"{text}; {self.balance.mask:g}:{self.balance.depth:g}"
        return text
