"""Which settings of the recipe are searched for each network and loss, and where."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator

from bench.settings.base import Number, Seed, Settings, WholeNumber
from bench.settings.recipe import Recipe
from bench.settings.training import Train

NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
INTERVAL = re.compile(rf"\s*(log|uniform)\({NUMBER},{NUMBER}\)\s*")
MIN_TRIALS = 2  # among which there is a best
EXAMPLE = "log(1e-4, 1e-2), uniform(0, 0.1) or a list of choices"


class Interval(Settings):
    """An interval; ``log`` makes 0.001 to 0.01 as likely as 0.01 to 0.1."""

    scale: Literal["log", "uniform"]
    low: Number
    high: Number

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what is written as ``log(1e-4, 1e-2)`` or ``uniform(0, 0.1)``.

        Raises:
            ValueError: it is nothing of the kind, or its limits are none.
        """
        found = INTERVAL.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no range; give {EXAMPLE}")
        scale, low, high = found[1], float(found[2]), float(found[3])
        if scale == "log" and not 0 < low < high:
            raise ValueError(f"{text}: needs two positive numbers, the smaller one first")
        if not -math.inf < low < high < math.inf:
            raise ValueError(f"{text}: needs two numbers, the smaller one first")
        return cls.model_validate({"scale": scale, "low": low, "high": high})

    def __str__(self) -> str:
        return f"{self.scale}({self.low:g}, {self.high:g})"


def _read_space(value: object) -> object:
    """Turn an interval's text into an interval, and make sure that choices are some."""
    if isinstance(value, str):
        return Interval.parse(value)
    if isinstance(value, list | tuple):
        numbers = [v for v in value if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) != len(value) or len(set(numbers)) < max(2, len(numbers)):
            raise ValueError(f"{value} is no list of two or more different numbers")
        return value
    if isinstance(value, dict | Interval):  # as a study keeps it
        return value
    raise ValueError(f"{value!r} is no range; give {EXAMPLE}")


Space = Annotated[Interval | tuple[int | float, ...], BeforeValidator(_read_space)]


class Tune(Settings):
    """The search for each row's recipe: the same number of trials for all, on validation images.

    Attributes:
        trials: trainings of each architecture with each loss.
        seed: of the trials; by default the grid's first.
        learning_rate, weight_decay, batch_size, color_jitter: where it is searched: an interval as
            ``log(1e-4, 1e-2)`` or ``uniform(0, 0.1)``, or a list of choices, as batch sizes need;
            null: it is that of the recipe.
    """

    trials: WholeNumber = Field(ge=MIN_TRIALS)
    seed: Seed | None = None
    learning_rate: Space | None = None
    weight_decay: Space | None = None
    batch_size: Space | None = None
    color_jitter: Space | None = None

    @field_validator("batch_size")
    @classmethod
    def _whole(cls, value: Space | None) -> Space | None:
        whole = isinstance(value, tuple) and all(isinstance(size, int) for size in value)
        if value is not None and not whole:
            raise ValueError("needs a list of whole numbers, as in [8, 16]")
        return value

    @property
    def spaces(self) -> dict[str, Interval | tuple[int | float, ...]]:
        """What is searched, by the setting's name."""
        names = [name for name in Tune.model_fields if name in Recipe.model_fields]
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def label(self) -> str:
        """The search in words."""
        searched = [
            f"{name} {space if isinstance(space, Interval) else list(space)}"
            for name, space in self.spaces.items()
        ]
        return f"tuned, {self.trials} trials on seed {self.seed}: {', '.join(searched)}"

    def with_found(self, train: Train, found: dict[str, Any]) -> Train:
        """Return a recipe with what was found."""
        return Train(**dict(train) | found)

    def found_in(self, train: Train) -> dict[str, Any]:
        """Return the values of the searched settings in a recipe."""
        return {name: getattr(train, name) for name in self.spaces}

    def before(self, train: Train) -> Train:
        """Return a recipe as it was before the search, whatever that has found."""
        fields = Recipe.model_fields
        return train.model_copy(update={name: fields[name].default for name in self.spaces})

    def problems(self, train: Train) -> Iterator[str]:
        """Give what does not go together with a recipe, one line each.

        Args:
            train: the recipe before the search.
        """
        if not self.spaces:
            yield "needs a setting to search, as in learning_rate: log(1e-4, 1e-2)"
        for name, space in self.spaces.items():
            if name in train.given():
                yield f"{name} is in the recipe, too; leave it out there or here"
            if train.stages and all(name in stage.model_fields_set for stage in train.stages):
                yield f"{name} has no effect: every stage has its own"
            for value in space if isinstance(space, tuple) else (space.low, space.high):
                try:
                    Train(**dict(train) | {name: value})
                except ValidationError as error:
                    why = error.errors()[0]["msg"].removeprefix("Value error, ")
                    yield f"{name}: {value:g}: {why[0].lower()}{why[1:]}"
