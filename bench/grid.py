"""What to run: a YAML file crossed into cells."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

import architectures as architecture_registry
import losses as loss_registry
from bench.errors import InputError, suggestion


class Settings(BaseModel):
    """A frozen group of settings in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Architecture(Settings):
    """A network by name, with the options that its registry entry takes."""

    name: str
    options: dict[str, JsonValue] = {}
    source_sha256: str | None = None  # of a user's own file: an edited network is another cell

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, dict) or "options" in value:
            return value  # already in full form, as a record has it
        if not isinstance(value.get("name"), str):
            raise ValueError(  # noqa: TRY004 - pydantic explains a ValueError
                "needs a name, as in {name: unet, width: 0.25}"
            )
        options = {key: option for key, option in value.items() if key != "name"}
        return {"name": value["name"], "options": options}

    @property
    def label(self) -> str:
        """The name with its options, as tables show it: ``unet(width=0.25)``."""
        options = ", ".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{self.name}({options})" if options else self.name


class LossPair(Settings):
    """The objective of each head, as canonical loss expressions."""

    mask: str
    depth: str

    @model_validator(mode="before")
    @classmethod
    def _same_for_both(cls, value: object) -> object:
        return {"mask": value, "depth": value} if isinstance(value, str) else value

    @field_validator("mask", "depth")
    @classmethod
    def _canonical(cls, value: str) -> str:
        return str(loss_registry.parse(value))

    @property
    def label(self) -> str:
        """One expression if both heads share it, else both: ``mask: bce, depth: l1``."""
        return self.mask if self.mask == self.depth else f"mask: {self.mask}, depth: {self.depth}"


class Split(Settings):
    """The shares of the samples that train, select and test, and the seed of the shuffle."""

    train: float = Field(0.6, gt=0, lt=1)
    val: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.3, gt=0, lt=1)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:  # noqa: PLR2004 - shares are written with few digits
            raise ValueError(f"train + val + test must be 1, not {total:g}")
        return self


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_square(value: object) -> object:
    return [value, value] if isinstance(value, int) else value


SideLength = Annotated[int, Field(ge=32, le=4096)]


class Data(Settings):
    """Which samples, at which size (height, width) in pixels, split how."""

    archive: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
    image_size: Annotated[tuple[SideLength, SideLength], BeforeValidator(_as_square)] = (64, 64)
    split: Split = Split()


class Train(Settings):
    """The budget and the recipe of every cell."""

    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    batch_size: PositiveInt = 16
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    gradient_clip: float | None = Field(1.0, gt=0)
    flip: bool = True
    color_jitter: float = Field(0.1, ge=0, lt=1)
    precision: Literal["bf16", "float32"] = "bf16"

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("needs either epochs or steps, as in epochs: 4")
        return self


class Cell(Settings):
    """One experiment: what is trained, on what, how, from which seed.

    A cell without a loss is a trivial baseline: its architecture's name is one of
    `bench.baselines.NAMES`, and nothing is trained.
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
    def _buildable(cls, value: tuple[Architecture, ...]) -> tuple[Architecture, ...]:
        return tuple(_checked(architecture) for architecture in value)

    @field_validator("architectures", "losses", "seeds")
    @classmethod
    def _distinct(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        for position, entry in enumerate(value):
            if entry in value[:position]:
                raise ValueError(f"{getattr(entry, 'label', entry)} stands here twice")
        return value

    def cells(self) -> Iterator[Cell]:
        """The cross product; seeds vary slowest, so that an early stop leaves a whole table."""
        for seed, architecture, loss in itertools.product(
            self.seeds, self.architectures, self.losses
        ):
            yield Cell(
                architecture=architecture, loss=loss, seed=seed, data=self.data, train=self.train
            )


def _checked(architecture: Architecture) -> Architecture:
    """The architecture, if the registry has it and takes its options.

    Raises:
        ValueError: it does not (a line that names the nearest).
    """
    architecture_registry.check_options(architecture.name, architecture.options)
    source = architecture_registry.source_of(architecture.name)
    if source is None:
        return architecture
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    return architecture.model_copy(update={"source_sha256": digest})


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
    "train": Train,
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
