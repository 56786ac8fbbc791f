"""What is a loss, and what do all losses have in common?

A file in `losses/terms/` writes down a formula, and `loss` makes a `Loss` of it. What every
loss must get right (precision, invalid pixels, shapes, the sigmoid) is done here, once.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from losses.registry import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor


class Requirement(NamedTuple):
    """A condition on an option's value, and how to say it in words."""

    holds: Callable[[float], bool]
    text: str


ANY_NUMBER = Requirement(lambda _: True, "a number")


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss: a pure function of logits and target, with one value per image.

    Attributes:
        name: The same as the formula's and the file's.
        formula: `(prediction, target, valid, *, options...) -> (B,)`. It gets tensors of one shape,
            in float32 or float64, with equal values in prediction and target at invalid pixels, or
            None for `valid` where every pixel counts.
        takes: What the formula's prediction is: the logits, or their sigmoid.
        bounds: The smallest and the largest value.
        requires: What the value of an option must fulfil, by the option's name.
    """

    name: str
    formula: Callable[..., Tensor]
    takes: Literal["logits", "probabilities"]
    bounds: tuple[float, float]
    requires: Mapping[str, Requirement]

    def __reduce__(self) -> tuple[Callable[[str], Loss], tuple[str]]:
        # Pickled by name, as a function would be.
        return load, (self.name,)

    @property
    def minimum(self) -> float:
        """The value at a perfect prediction, which is the smallest."""
        return self.bounds[0]

    @property
    def summary(self) -> str:
        """The first line of the formula's docstring."""
        return (inspect.getdoc(self.formula) or "").partition("\n")[0]

    @property
    def defaults(self) -> dict[str, float]:
        """The options and their default values."""
        return {
            parameter.name: parameter.default
            for parameter in inspect.signature(self.formula).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY
        }

    def requirement(self, option: str) -> str:
        """Return what the value of an option must be, in words."""
        return self.requires.get(option, ANY_NUMBER).text

    def accepts(self, option: str, value: object) -> bool:
        """Return whether `value` is of the option's type, finite, and as the option requires."""
        kind = type(self.defaults[option])
        return (
            isinstance(value, int if kind is int else int | float)
            and not isinstance(value, bool)
            and abs(value) <= sys.float_info.max
            and self.requires.get(option, ANY_NUMBER).holds(value)
        )

    def __call__(
        self, logits: Tensor, target: Tensor, valid: Tensor | None = None, **options: float
    ) -> Tensor:
        """Return the loss of each image.

        Args:
            logits: (B, C, H, W), any real numbers.
            target: (B, C, H, W), in [0, 1].
            valid: (B, 1, H, W) or (B, C, H, W), in {0, 1}. A pixel where it is 0 counts for
                nothing, whatever logits and target hold there; an image without a valid pixel has
                the value 0 and no gradient. None means that every pixel is valid.
            **options: Those of the formula.

        Returns:
            (B,), in float32, also under autocast; in float64 for float64 logits.

        Raises:
            ValueError: Logits and target differ in shape.
        """
        if logits.shape != target.shape:
            raise ValueError(
                f"{self.name} needs logits and target of one shape, "
                f"not {tuple(logits.shape)} and {tuple(target.shape)}"
            )
        dtype = torch.promote_types(logits.dtype, torch.float32)
        logits, target = logits.to(dtype), target.to(dtype)
        if valid is not None:
            counts = valid.bool().expand_as(target)
            # The sigmoid of 0 is 1/2: where nothing counts, the two images are equal.
            logits = logits.where(counts, 0.0)
            target = target.where(counts, 0.5)
            valid = valid.to(dtype).expand_as(target)
        # Autocast would take convolutions to bfloat16.
        with torch.autocast(logits.device.type, enabled=False):
            prediction = logits.sigmoid() if self.takes == "probabilities" else logits
            return self.formula(prediction, target, valid, **options)


def loss(
    *,
    takes: Literal["logits", "probabilities"],
    bounds: tuple[float, float],
    requires: Mapping[str, Requirement] | None = None,
) -> Callable[[Callable[..., Tensor]], Loss]:
    """Make a `Loss` of the decorated formula; the arguments are its attributes."""

    def decorate(formula: Callable[..., Tensor]) -> Loss:
        return Loss(formula.__name__, formula, takes, bounds, requires or {})

    return decorate
