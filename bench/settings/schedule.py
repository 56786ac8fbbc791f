"""How the learning rate moves."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bench.settings.base import Number, PositiveInt, Settings

# What holds where nothing else is given.
ONE_CYCLE = {
    "pct_start": 0.3,
    "anneal_strategy": "cos",
    "div_factor": 25.0,
    "final_div_factor": 1e4,
    "base_momentum": 0.85,
    "max_momentum": 0.95,
}


class Schedule(Settings):
    """How the learning rate moves over a stage, step by step.

    Attributes:
        name: ``one_cycle`` (Smith and Topin 2018, https://arxiv.org/abs/1708.07120), ``cosine`` to
            zero, or ``constant``. All that follows belongs to ``one_cycle``.
        epochs: the length of the cycle, by default the stage's. A longer cycle is cut off.
        pct_start: the share of the cycle in which the rate rises, by default 0.3.
        anneal_strategy: along a cosine (the default) or a line.
        div_factor: the rate starts at the recipe's divided by this, by default 25.
        final_div_factor: it ends at its first value divided by this, by default 10,000.
        base_momentum, max_momentum: SGD's momentum, or Adam's first beta, falls from the second to
            the first while the rate rises, and comes back; by default 0.85 and 0.95.
    """

    name: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    epochs: PositiveInt | None = None
    pct_start: Number | None = Field(None, gt=0, lt=1)
    anneal_strategy: Literal["cos", "linear"] | None = None
    div_factor: Number | None = Field(None, ge=1)
    final_div_factor: Number | None = Field(None, ge=1)
    base_momentum: Number | None = Field(None, ge=0, lt=1)
    max_momentum: Number | None = Field(None, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"name": value}
        if isinstance(value, dict) and value.get("name", "one_cycle") == "one_cycle":
            return ONE_CYCLE | {key: given for key, given in value.items() if given is not None}
        return value

    @model_validator(mode="after")
    def _only_one_cycle_has_settings(self) -> Self:
        for name in ("epochs", *ONE_CYCLE):
            if self.name != "one_cycle" and getattr(self, name) is not None:
                raise ValueError(f"{name} has no effect: it belongs to one_cycle, not {self.name}")
        return self
