"""How a network is trained: budgets, recipes, stages, teachers."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, field_serializer, field_validator, model_validator

from bench.settings.base import Settings
from bench.settings.data import ImageSize
from bench.settings.losses import LossPair
from bench.settings.networks import Architecture, checked


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
        compile: by `torch.compile`; ``auto`` tries on a CUDA device whether that, or CUDA graphs
            besides, pays. A batch that does not fit into memory is trained on without.
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

    def with_one_epoch(self) -> Train:
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
