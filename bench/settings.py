"""What can be asked for: networks, losses, data and recipes, each a frozen group of settings."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    NonNegativeInt,
    PositiveInt,
    Tag,
    field_serializer,
    field_validator,
    model_validator,
)

import architectures as architecture_registry
import losses as loss_registry
from bench.data import name_pattern


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


class Balance(Settings):
    """How the losses of the two heads are weighed.

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
    """The objective of each head, as canonical loss expressions; None for one not trained."""

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
        """One expression if both heads share it, else each: ``mask: bce, depth: l1``."""
        heads = {"mask": self.mask, "depth": self.depth}
        text = ", ".join(f"{head}: {loss}" for head, loss in heads.items() if loss is not None)
        if self.mask is not None and self.mask == self.depth:
            text = self.mask
        if self.balance.method != "fixed":
            return f"{text}; {self.balance.method}"
        if (self.balance.mask, self.balance.depth) != (1, 1):
            return f"{text}; {self.balance.mask:g}:{self.balance.depth:g}"
        return text


class Split(Settings):
    """The shares of the samples that train, select and test, and how they are drawn.

    Attributes:
        method: ``shuffle`` does not depend on the order of the samples. For the published systems:
            ``torch_random_split`` draws the test images as `torch.utils.data.random_split` does
            under `torch.manual_seed(seed)`, ``sklearn_train_test_split`` as scikit-learn does with
            ``random_state=seed``; the validation images are then the last of their training images.
        by: what is drawn: single samples; or all samples at once that share a value of a column,
            as ``background``, so that no value stands on two sides; or ``both``: backgrounds and
            foregrounds are drawn independently, and a sample whose two fall on different sides is
            left out. Where every foreground stands on every background, a share of train² + val² +
            test² of the samples stays, train² of all to train.
        file: a CSV list in place of a draw: ``key,side`` with the sides train, val and test.
    """

    method: Literal["shuffle", "torch_random_split", "sklearn_train_test_split"] = "shuffle"
    by: str = "sample"
    file: str | None = None
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

    @model_validator(mode="after")
    def _groups_only_if_drawn(self) -> Self:
        if self.by == "sample":
            return self
        if self.file is not None:
            raise ValueError("file says itself who stands on which side; leave by out")
        if self.method != "shuffle":
            raise ValueError(f"{self.method} draws samples; by: {self.by} needs method: shuffle")
        return self

    @property
    def label(self) -> str:
        """How the sides are drawn, or the list: ``shuffle by background, seed 0``."""
        if self.file is not None:
            return self.file
        by = "background and foreground" if self.by == "both" else self.by
        method = self.method if by == "sample" else f"{self.method} by {by}"
        return f"{method}, seed {self.seed}"


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


def _as_square(value: object) -> object:
    return [value, value] if isinstance(value, int) else value


SideLength = Annotated[int, Field(ge=32, le=4096)]
ImageSize = Annotated[tuple[SideLength, SideLength], BeforeValidator(_as_square)]


class DepthCoding(Settings):
    """How a depth picture's values are to be read.

    Attributes:
        maximum: the value that means 1: the far end (``near: low``), or the near one, which is then
            turned round (``near: high``).
        near: which end of the values is near the camera.
        invalid: the value that means "no reading", if there is one.
        unit: what a value of 1 measures; for the reader's information.
        colors: ``plasma`` where depth was painted in that colour map.
        crop: (top, left, bottom, right) in pixels: what lies inside a frame that a plot drew around
            the map; it is stretched to the whole picture.
    """

    maximum: Annotated[int, Field(ge=1, le=65535)] = 255
    near: Literal["low", "high"] = "low"
    invalid: int | None = None
    unit: str | None = None
    colors: Literal["grey", "plasma"] = "grey"
    crop: tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt] | None = None

    @model_validator(mode="after")
    def _crop_holds_something(self) -> Self:
        if self.crop is not None:
            top, left, bottom, right = self.crop
            if top >= bottom or left >= right:
                raise ValueError(f"crop {list(self.crop)}: give [top, left, bottom, right]")
        return self


class Patterns(Settings):
    """A layout of a user's own, by the names of the entries, a table that lists them, or both.

    A pattern is a path in which ``*`` stands for anything but a slash, ``**/`` for any folders,
    ``{name}`` for a part that is kept under that name, and ``{name:regex}`` for one of a certain
    shape. Folders around it need not be told. Parts can group a split.

    Attributes:
        composite: a pattern with a ``{key}``. With further parts, as in
            ``{scene}/rgb/{key}.png``, all of them together are the key.
        mask, depth: patterns with the same parts, by which they are joined.
        background: a pattern whose parts, as ``{background}``, the key or the table tells.
        background_of: a pattern of the key, as in ``bg_{background}_fg_{foreground}_*``.
        labels: a pattern of the table: a CSV entry whose rows are the samples, or a text that lists
            a composite a line. Its cells are entries where the kind has no pattern; paths from
            another place are matched by their ending. Its further columns are kept.
        columns: what the table calls its columns, as in ``{key: id, background: bg}``, if not
            ``key``, ``background``, ``composite``, ``mask`` and ``depth``. Without a key, the
            composite's file name is it.
    """

    composite: str | None = None
    mask: str | None = None
    depth: str | None = None
    background: str | None = None
    background_of: str | None = None
    labels: str | None = None
    columns: dict[str, str] = {}

    @field_validator("composite", "mask", "depth", "background", "background_of", "labels")
    @classmethod
    def _well_formed(cls, value: str | None) -> str | None:
        if value is not None:
            name_pattern.parts(value)
        return value

    @model_validator(mode="after")
    def _joinable(self) -> Self:
        if self.composite is None and self.labels is None:
            raise ValueError("needs composite, as in fg_bg/{key}.jpg, or labels")
        if self.columns and self.labels is None:
            raise ValueError("columns are of a table; name it under labels")
        told = set(name_pattern.parts(self.composite)) if self.composite is not None else {"key"}
        if not told:
            raise ValueError(f"composite: {self.composite!r} has no {{key}}")
        for kind in ("mask", "depth"):
            pattern = getattr(self, kind)
            if pattern is not None and set(name_pattern.parts(pattern)) != told:
                parts = ", ".join(f"{{{part}}}" for part in sorted(told))
                raise ValueError(f"{kind}: {pattern!r} needs the parts of composite ({parts})")
        return self


def _kind_of_layout(value: object) -> str:
    return "name" if isinstance(value, str) else "patterns"


class Source(Settings):
    """Archives that make up one dataset, and how they are to be read.

    Attributes:
        files: zips or folders; lists beside them (``.csv``, ``.txt``) too.
        backgrounds: a zip or folder with the backgrounds, where they lie beside the archives.
        layout: a layout's name or `Patterns`; by default what the entries' names look like.
        pairing: ``published`` repeats a published system's wrong rule from sample to background.
        depth: how depth is coded, where the archive does not say it itself.
        mask_threshold: a mask's grey (0 to 255) above this is object, as JPEG blurs its edges.
    """

    files: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
    backgrounds: str | None = None
    layout: (
        Annotated[
            Annotated[str, Tag("name")] | Annotated[Patterns, Tag("patterns")],
            Discriminator(_kind_of_layout),
        ]
        | None
    ) = None
    pairing: Literal["right", "published"] = "right"
    depth: DepthCoding | None = None
    mask_threshold: int = Field(127, ge=0, le=254)


class Data(Settings):
    """Which samples, at which size (height, width) in pixels, split how.

    Attributes:
        archive: files that make up one dataset, or `Source` mappings, each a dataset by itself.
        exclude: a CSV list with a column ``key``: samples to leave out.
        limit: of the samples, drawn by the split's seed.
    """

    archive: Annotated[tuple[str | Source, ...], BeforeValidator(_as_list), Field(min_length=1)]
    exclude: str | None = None
    image_size: ImageSize = (64, 64)
    split: Split = Split()
    limit: PositiveInt | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Every archive's path."""
        return tuple(file for source in self.sources() for file in source.files)

    def sources(self) -> tuple[Source, ...]:
        """The archives as sources; the files that are given plainly make up one."""
        files = tuple(entry for entry in self.archive if isinstance(entry, str))
        mappings = tuple(entry for entry in self.archive if isinstance(entry, Source))
        return (Source(files=files), *mappings) if files else mappings


class Schedule(Settings):
    """How the learning rate moves over a stage, step by step.

    Attributes:
        name: ``one_cycle`` (Smith and Topin 2018, https://arxiv.org/abs/1708.07120), ``cosine`` to
            zero, or ``constant``.
        epochs: the length of the one cycle, where it is not the stage's own.
        pct_start: the share of the cycle that rises; the rest of the names are torch's too.
    """

    name: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    epochs: PositiveInt | None = None
    pct_start: float = Field(0.3, gt=0, lt=1)
    anneal_strategy: Literal["cos", "linear"] = "cos"
    div_factor: float = Field(25.0, ge=1)
    final_div_factor: float = Field(1e4, ge=1)
    base_momentum: float = Field(0.85, ge=0, lt=1)
    max_momentum: float = Field(0.95, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class Recipe(Settings):
    """How a network is trained for a while.

    Attributes:
        epochs, steps: the budget, one of the two.
        image_size: (height, width); by default the data's.
        losses: by default the cell's.
        freeze: parts of the network that do not learn, by the names of its modules, with
            wildcards: ``trunk``, ``branches.*``. The statistics of their BatchNorms rest too.
        compile: by `torch.compile`; ``auto`` tries on a CUDA device whether it pays.
    """

    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    image_size: ImageSize | None = None
    batch_size: PositiveInt = 16
    losses: LossPair | None = None
    freeze: tuple[str, ...] = ()
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    schedule: Schedule = Schedule()
    gradient_clip: float | None = Field(1.0, gt=0)
    flip: bool = True
    color_jitter: float = Field(0.1, ge=0, lt=1)
    precision: Literal["bf16", "float32"] = "bf16"
    compile: Literal["auto", "on", "off"] = "auto"

    def plain(self) -> Recipe:
        """The recipe alone, without what a subclass adds."""
        return Recipe(**{name: getattr(self, name) for name in Recipe.model_fields})

    def has_budget(self) -> bool:
        """Whether exactly one of epochs and steps is given."""
        return (self.epochs is None) != (self.steps is None)


class Teacher(Recipe):
    """A network that is trained on depth first and then frozen, to judge masks by.

    The cell's own network predicts the mask; the depth losses compare what the teacher makes of the
    masked composite with what it makes of the whole one (after Hu et al. 2019,
    https://arxiv.org/abs/1904.03380).

    Attributes:
        architecture: sees the composite alone and predicts depth.
        weights: a file of its weights (safetensors), in place of training it.
    """

    architecture: Architecture
    weights: str | None = None

    @field_validator("architecture")
    @classmethod
    def _buildable(cls, value: Architecture) -> Architecture:
        return checked(value)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.has_budget() == (self.weights is not None):
            raise ValueError("needs epochs, steps or weights, one of them")
        return self


class Train(Recipe):
    """The budget and the recipe of every cell.

    Attributes:
        stages: recipes one after the other; what a stage leaves open is as outside of the stages.
            Optimizer and schedule start anew with each. The epoch is selected in the last one.
        teacher: see `Teacher`.
    """

    stages: tuple[Recipe, ...] = ()
    teacher: Teacher | None = None

    def recipes(self) -> tuple[Recipe, ...]:
        """The stages in full; without any, the one recipe."""
        return tuple(
            self.plain().model_copy(
                update={name: getattr(stage, name) for name in stage.model_fields_set}
            )
            for stage in self.stages or (Recipe(),)
        )

    def cut_down(self) -> Train:
        """The same with one epoch wherever epochs are counted; a budget of steps stays."""
        return self.model_copy(
            update={
                "epochs": self.epochs and 1,
                "stages": tuple(
                    stage.model_copy(update={"epochs": 1}) if stage.epochs else stage
                    for stage in self.stages
                ),
                "teacher": self.teacher
                and self.teacher.model_copy(update={"epochs": self.teacher.epochs and 1}),
            }
        )

    @model_validator(mode="after")
    def _budgets(self) -> Self:
        for number, recipe in enumerate(self.recipes()):
            if not recipe.has_budget():
                where = f"stages.{number} " if self.stages else ""
                raise ValueError(f"{where}needs either epochs or steps, as in epochs: 4")
        return self

    @field_serializer("stages")
    def _only_what_is_given(self, stages: tuple[Recipe, ...]) -> list[dict[str, Any]]:
        return [stage.model_dump(mode="json", exclude_unset=True) for stage in stages]


def checked(architecture: Architecture) -> Architecture:
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
