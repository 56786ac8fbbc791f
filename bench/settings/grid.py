"""What to run: a YAML file crossed into cells."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

import architectures as architecture_registry
from bench.errors import InputError, suggestion
from bench.settings import (
    Architecture,
    Balance,
    Data,
    LossPair,
    Recipe,
    Schedule,
    Settings,
    Split,
    Teacher,
    Train,
    checked,
)


class Cell(Settings):
    """One experiment: what is trained, on what, how, from which seed.

    A cell without a loss is a trivial baseline: its architecture's name is one of
    `bench.evaluation.baselines.NAMES`, and nothing is trained.
    """

    architecture: Architecture
    loss: LossPair | None
    seed: int
    data: Data
    train: Train

    @property
    def id(self) -> str:
        """The hash of the cell's canonical content: the same wherever it stands in a grid.

        Settings at their default are left out, so that a setting that is new in a later version
        changes no id.
        """
        canonical = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """The cell in a line, for progress and messages."""
        if self.loss is None:
            return self.architecture.label
        return f"{self.architecture.label} · {self.loss.label} · seed {self.seed}"


class Grid(Settings):
    """Architectures crossed with losses and seeds, on one dataset with one budget."""

    architectures: tuple[Architecture, ...] = Field(min_length=1)
    losses: tuple[LossPair, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((0,), min_length=1)
    data: Data
    train: Train

    @field_validator("architectures")
    @classmethod
    def _expanded_and_buildable(cls, value: tuple[Architecture, ...]) -> tuple[Architecture, ...]:
        return tuple(
            checked(architecture.model_copy(update={"name": name}))
            for architecture in value
            for name in architecture_registry.expand(architecture.name)
        )

    @field_validator("architectures", "losses", "seeds")
    @classmethod
    def _distinct(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        for position, entry in enumerate(value):
            if entry in value[:position]:
                raise ValueError(f"{getattr(entry, 'label', entry)} stands here twice")
        return value

    def smoke_test(self, samples: int) -> Grid:
        """The grid on so many samples, each stage cut down to one epoch: to see that it runs."""
        data = self.data.model_copy(update={"limit": samples})
        return self.model_copy(update={"data": data, "train": self.train.with_one_epoch()})

    def kinds(self) -> frozenset[str]:
        """The kinds of images that some cell cannot do without."""
        recipes = [*self.train.recipes(), *([self.train.teacher] if self.train.teacher else [])]
        pairs = [recipe.losses for recipe in recipes if recipe.losses] + list(self.losses)
        kinds = {"composite"}
        kinds |= {task for pair in pairs for task in ("mask", "depth") if getattr(pair, task)}
        if any(_sees_background(architecture) for architecture in self.architectures):
            kinds.add("background")
        return frozenset(kinds)

    def cells(self) -> Iterator[Cell]:
        """The cross product; seeds vary slowest, so that an early stop leaves a whole table."""
        for seed, architecture, loss in itertools.product(
            self.seeds, self.architectures, self.losses
        ):
            yield Cell(
                architecture=architecture, loss=loss, seed=seed, data=self.data, train=self.train
            )


def _sees_background(architecture: Architecture) -> bool:
    inputs = architecture.options.get("inputs")
    return (inputs or architecture_registry.options(architecture.name).get("inputs")) != "composite"


def load(path: Path) -> Grid:
    """Read and validate a grid file.

    Raises:
        InputError: the file cannot be read, is no YAML, or asks for what does not exist.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        raise InputError(f"{path}: no such grid file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: a grid is a mapping with the keys {', '.join(Grid.model_fields)}"
        )
    try:
        return Grid.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error.errors()[0])}") from None


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which a key given twice is an error, where plain YAML drops the first in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the overridden signature
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands here twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_SECTIONS: dict[str, type[Settings]] = {
    "": Grid,
    "data": Data,
    "data.split": Split,
    "losses": LossPair,
    "losses.balance": Balance,
    "train": Train,
    "train.losses": LossPair,
    "train.schedule": Schedule,
    "train.stages": Recipe,
    "train.teacher": Teacher,
}


def _explain(error: ErrorDetails) -> str:
    """One line for one validation error: the key, what is wrong, what would be right."""
    location = [str(part) for part in error["loc"]]
    section = ".".join(part for part in location[:-1] if not part.isdigit())
    where = ".".join(location)
    given = error["input"]
    match error["type"]:
        case "extra_forbidden" if section in _SECTIONS:
            near = suggestion(location[-1], _SECTIONS[section].model_fields)
            return f"unknown key {where!r}{near}"
        case "missing":
            return f"the key {where!r} is missing"
        case "literal_error" if isinstance(given, str):
            choices = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            return f"{where}: unknown value {given!r}{suggestion(given, choices)}"
        case "too_short":
            return f"{where}: is empty; give at least one"
        case "value_error":
            return f"{where}: {error['ctx']['error']}"
        case _:
            return f"{where}: {error['msg'].lower()}, not {given!r}"
