"""Which samples, from which archives, read how, at which size, split how."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from bench.settings import name_pattern
from bench.settings.base import NonNegativeInt, PositiveInt, Seed, Settings, WholeNumber


class Split(Settings):
    """The shares of the samples that train, select and test, and how they are drawn.

    Attributes:
        method: ``shuffle`` does not depend on the order of the samples. The others draw the test
            images that a published call draws, the validation images being the last of its training
            images. Under `torch.manual_seed(seed)`, ``torch_random_split`` is
            `torch.utils.data.random_split` of whole numbers of images, ``len * 70 // 100`` and the
            rest; ``torch_random_split_fractions`` is that of fractions, ``[0.7, 0.3]``.
            ``sklearn_train_test_split`` is scikit-learn's with ``random_state=seed``.
        by: what is drawn: single samples; or all samples at once that share a value of a column,
            as ``background``, so that no value is in two subsets; or ``both``: backgrounds and
            foregrounds are drawn independently, and a sample whose two fall into different subsets
            is left out. Where every foreground stands on every background, a share of train² + val²
            + test² of the samples stays, train² of all to train.
        file: a CSV list in place of a draw: ``key,subset`` with the subsets train, val and test.
        train, val, test: shares of the samples; together they are 1.
        seed: of the draw.
    """

    method: Literal[
        "shuffle",
        "torch_random_split",
        "torch_random_split_fractions",
        "sklearn_train_test_split",
    ] = "shuffle"
    by: str = "sample"
    file: str | None = None
    train: float = Field(0.6, gt=0, lt=1)
    val: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.3, gt=0, lt=1)
    seed: Seed = 0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:  # noqa: PLR2004 - shares are written with few digits
            shares = ("train", "val", "test")
            sums = " + ".join(f"{getattr(self, share):g}" for share in shares)
            default = " and ".join(
                f"{share} is {getattr(self, share):g}"
                for share in shares
                if share not in self.model_fields_set
            )
            unsaid = f"; where it is not given, {default}" if default else ""
            raise ValueError(f"train + val + test must be 1, not {sums} = {total:g}{unsaid}")
        return self

    @model_validator(mode="after")
    def _in_percents(self) -> Self:
        percents = 100 * (self.train + self.val)
        if self.method == "torch_random_split" and abs(percents - round(percents)) > 1e-6:  # noqa: PLR2004
            raise ValueError(
                f"torch_random_split counts in whole percents (len * 70 // 100), and train + val "
                f"is {percents:g} %; for random_split(data, [{1 - self.test:g}, {self.test:g}]) "
                "write method: torch_random_split_fractions"
            )
        return self

    @model_validator(mode="after")
    def _seed_of_its_method(self) -> Self:
        if self.method == "sklearn_train_test_split" and self.seed >= 2**32:
            raise ValueError(f"{self.method} takes seeds from 0 to 2^32 - 1, not {self.seed}")
        return self

    @model_validator(mode="after")
    def _groups_only_if_drawn(self) -> Self:
        if self.by == "sample":
            return self
        if self.file is not None:
            raise ValueError("file says itself which sample is in which subset; leave by out")
        if self.method != "shuffle":
            raise ValueError(f"{self.method} draws samples; by: {self.by} needs method: shuffle")
        return self

    @property
    def label(self) -> str:
        """How the subsets are drawn, or the list's file: ``shuffle by background, seed 0``."""
        if self.file is not None:
            return PurePath(self.file).name
        by = "background and foreground" if self.by == "both" else self.by
        method = self.method if by == "sample" else f"{self.method} by {by}"
        return f"{method}, seed {self.seed}"


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


def _as_square(value: object) -> object:
    return [value, value] if isinstance(value, int) else value


SideLength = Annotated[WholeNumber, Field(ge=32, le=4096)]
ImageSize = Annotated[tuple[SideLength, SideLength], BeforeValidator(_as_square)]


class DepthCoding(Settings):
    """How a depth image's values are to be read.

    Attributes:
        maximum: the value that means 1: the far end (``near: low``), or the near one, which is then
            turned round (``near: high``).
        near: which end of the values is near the camera.
        invalid: the value that means "no reading", if there is one.
        unit: what a value of 1 measures; for the reader's information.
        colors: ``plasma`` where depth was painted in that color map.
        crop: (top, left, bottom, right) in pixels: what lies inside a frame that a plot drew around
            the map; it is stretched to the whole image.
    """

    maximum: Annotated[WholeNumber, Field(ge=1, le=65535)] = 255
    near: Literal["low", "high"] = "low"
    invalid: WholeNumber | None = None
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
        unknown: likewise, of images that are bright (above 127) where the mask is not known.
        background: a pattern whose parts, as ``{background}``, the key or the table tells.
        background_of: a pattern of the key, as in ``bg_{background}_fg_{foreground}_*``.
        labels: a pattern of the table: a CSV entry whose rows are the samples, or a text that lists
            a composite a line. Its cells are entries where the kind has no pattern; paths from
            another place are matched by their ending. Its further columns are kept.
        columns: what the table calls its columns, as in ``{key: id, background: bg}``, if not
            ``key``, ``background``, ``composite``, ``mask``, ``depth`` and ``unknown``. Without a
            key, the composite's file name is it.
    """

    composite: str | None = None
    mask: str | None = None
    depth: str | None = None
    unknown: str | None = None
    background: str | None = None
    background_of: str | None = None
    labels: str | None = None
    columns: dict[str, str] = Field({})

    @field_validator(
        "composite", "mask", "depth", "unknown", "background", "background_of", "labels"
    )
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
        for kind in ("mask", "depth", "unknown"):
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
    mask_threshold: WholeNumber = Field(127, ge=0, le=254)


class Data(Settings):
    """Which samples, at which size (height, width) in pixels, split how.

    Attributes:
        archive: files that make up one dataset, or `Source` mappings, each a dataset by itself.
        exclude: a CSV list with a column ``key``: samples to leave out.
        image_size: (height, width) in pixels, or one number for both.
        split: which samples train, which select the epoch, and which test.
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
