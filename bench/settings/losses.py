"""Which losses, and how the two tasks are weighed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

import losses as loss_registry
from bench.settings.base import Settings, is_stored


class Balance(Settings):
    """How the losses of the two tasks are weighed.

    Attributes:
        method: ``fixed`` by the two factors; ``uncertainty`` learns them (Kendall et al. 2018,
            https://arxiv.org/abs/1705.07115); ``equal_scale`` divides every term by its first
            value, so that mixtures are compared without the confound of scale.
        mask, depth: the factors of ``fixed``, by default 1.
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
    """The objective of each task, as canonical loss expressions; None for one not trained.

    Attributes:
        mask, depth: the expression, as ``bce + 0.5*ssim(window=7)``.
        balance: how the losses of the two tasks are weighed.
    """

    mask: str | None = None
    depth: str | None = None
    balance: Balance = Balance()

    @model_validator(mode="before")
    @classmethod
    def _same_for_both(cls, value: object) -> object:
        return {"mask": value, "depth": value} if isinstance(value, str) else value

    @field_validator("mask", "depth")
    @classmethod
    def _canonical(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or is_stored(info):
            return value
        return str(loss_registry.parse(value))

    @model_validator(mode="after")
    def _usable(self, info: ValidationInfo) -> Self:
        expressions = [text for text in (self.mask, self.depth) if text is not None]
        if not expressions:
            raise ValueError("needs a loss for mask or depth, as in {mask: bce}")
        for task in ("mask", "depth"):
            if getattr(self, task) is None and getattr(self.balance, task) != 1:
                raise ValueError(f"balance.{task} has no effect without a loss for {task}")
        if self.balance.method != "fixed" and not is_stored(info):
            for text in expressions:
                self._check_terms(text)
        return self

    def _check_terms(self, text: str) -> None:
        """Make sure that the balance can weigh the terms of an expression."""
        for term in loss_registry.parse(text).terms:
            if self.balance.method == "equal_scale" and term.weight != 1:
                raise ValueError(
                    f"the weight of {term} has no effect under equal_scale, which divides every "
                    "term by its first value; leave it out"
                )
            if self.balance.method == "uncertainty" and loss_registry.load(term.name).minimum < 0:
                raise ValueError(
                    f"balance: uncertainty cannot weigh {term.name}, which can be negative"
                )

    @property
    def label(self) -> str:
        """One expression if both tasks share it, else each: ``mask: bce, depth: l1``; no folder."""
        tasks = {"mask": self.mask, "depth": self.depth}
        text = ", ".join(f"{task}: {loss}" for task, loss in tasks.items() if loss is not None)
        if self.mask is not None and self.mask == self.depth:
            text = self.mask
        text = loss_registry.without_folders(text)
        if self.balance.method != "fixed":
            return f"{text}; {self.balance.method}"
        if (self.balance.mask, self.balance.depth) != (1, 1):
            return f"{text}; {self.balance.mask:g}:{self.balance.depth:g}"
        return text


def check_told_apart(pairs: Iterable[LossPair]) -> None:
    """Make sure that no two losses of users' files differ in the folders of the files only.

    Raises:
        ValueError: two do.
    """
    seen: dict[str, str] = {}
    texts = [text for pair in pairs for text in (pair.mask, pair.depth) if text is not None]
    for spec in (spec for text in texts for spec in loss_registry.own_losses(text)):
        known = seen.setdefault(loss_registry.without_folders(spec), spec)
        if known != spec:
            raise ValueError(
                f"losses: {known} and {spec} differ in the folders of their files only; give one "
                "of the files another name"
            )
