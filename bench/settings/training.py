"""What the training of a cell consists of: stages, each with a recipe, and a teacher.

As in a recipe, a setting that is given and has no effect beside the others is an error.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import (
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from bench.settings.base import is_stored
from bench.settings.networks import Architecture, check
from bench.settings.recipe import Recipe, in_one_epoch, in_steps

TEACHER_LOSSES = {"depth": "log_l1 + log_gradient + normals_cosine"}


class Teacher(Recipe):
    """A network that is trained on depth first and then frozen, to judge masks by.

    The cell's own network predicts the mask; the depth losses compare what the teacher makes of the
    masked composite with what it makes of the whole one (after Hu et al. 2019,
    https://arxiv.org/abs/1904.03380). All cells of one seed share one teacher.

    Attributes:
        architecture: sees the composite alone and predicts depth.
        weights: a file of its weights (safetensors), in place of training it.
        losses: by default those that Hu et al. 2019 (https://arxiv.org/abs/1803.08673) trained
            their network by, ``log_l1 + log_gradient + normals_cosine``, and never the cell's.
    """

    architecture: Architecture
    weights: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_losses(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("weights") is value.get("losses") is None:
            return value | {"losses": TEACHER_LOSSES}
        return value

    @field_validator("architecture")
    @classmethod
    def _buildable(cls, value: Architecture, info: ValidationInfo) -> Architecture:
        return value if is_stored(info) else check(value)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.has_budget() == (self.weights is not None):
            raise ValueError("needs epochs, steps, a budget or weights, one of them")
        if self.weights is not None:
            for name in sorted(self.given()):
                raise ValueError(f"{name} has no effect beside weights, which are not trained")
        elif self.losses is None or self.losses.depth is None:
            raise ValueError("losses: needs a loss for depth, which a teacher predicts")
        for problem in self.problems(self.given()):
            raise ValueError(problem)
        return self

    @model_serializer(mode="wrap")
    def _only_what_is_used(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if self.weights is None:
            return content
        return {name: content[name] for name in ("architecture", "weights") if name in content}


class Train(Recipe):
    """The budget and the recipe of every cell.

    Attributes:
        stages: recipes one after the other; what a stage leaves open is as outside of the stages.
            Optimizer and schedule start anew with each. The epoch is selected in the last one.
        teacher: a network that is trained on depth first and then frozen, to judge masks by.
    """

    stages: tuple[Recipe, ...] = ()
    teacher: Teacher | None = None

    @property
    def is_timed(self) -> bool:
        """Whether a clock ends a stage or the teacher's training."""
        return any(recipe.is_timed for recipe in self.recipes_with_teacher())

    @property
    def freezes(self) -> bool:
        """Whether a part of some network rests for a while."""
        return any(recipe.freeze for recipe in self.recipes_with_teacher())

    def recipes(self) -> tuple[Recipe, ...]:
        """Return the stages in full; without any, the one recipe.

        What a stage has from outside and does not use is left out of it.
        """
        return tuple(stage.plain() for stage in self._stages_in_full())

    def recipes_with_teacher(self) -> tuple[Recipe, ...]:
        """Return the stages in full, and the teacher's recipe if there is a teacher."""
        return (*self.recipes(), *([self.teacher] if self.teacher else []))

    def with_one_epoch(self) -> Train:
        """Return the same with one epoch of every recipe but those that count steps."""
        stages = tuple(in_one_epoch(stage) for stage in self.stages)
        teacher = self.teacher and in_one_epoch(self.teacher)
        update = {"stages": stages, "teacher": teacher}
        return in_one_epoch(self).model_copy(update=update)

    def with_steps(self, steps: int) -> Train:
        """Return the same with so many steps of every recipe, and a one cycle that just begins."""
        stages = tuple(in_steps(recipe, steps) for recipe in self.recipes())
        teacher = self.teacher
        if teacher is not None and teacher.weights is None:
            teacher = in_steps(teacher, steps)
        return self.model_copy(update={"stages": stages, "teacher": teacher})

    def _stages_in_full(self) -> list[Recipe]:
        outside = {name: getattr(self, name) for name in Recipe.model_fields}
        return [
            Recipe(**outside | {name: getattr(stage, name) for name in stage.model_fields_set})
            for stage in self.stages or (Recipe(),)
        ]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.losses is not None:
            raise ValueError(
                "losses would take the place of every cell's: give them as the grid's losses, or "
                "to a stage"
            )
        in_full = self._stages_in_full()
        for number, recipe in enumerate(in_full):
            where = f"stages.{number} " if self.stages else ""
            if not recipe.has_budget():
                raise ValueError(f"{where}needs one of epochs, steps and budget, as in epochs: 4")
            for problem in recipe.problems((self.stages[number] if self.stages else self).given()):
                raise ValueError(f"{where}{problem}")
        for name in sorted(self.given()):
            if self.stages and all(
                name in stage.model_fields_set or name in recipe.unused()
                for stage, recipe in zip(self.stages, in_full, strict=True)
            ):
                raise ValueError(
                    f"{name} has no effect outside of the stages: none of them takes it"
                )
        return self

    @field_serializer("stages")
    def _only_what_is_given(self, stages: tuple[Recipe, ...]) -> list[dict[str, Any]]:
        return [stage.model_dump(mode="json", exclude_unset=True) for stage in stages]
