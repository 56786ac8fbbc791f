"""What is minimised: a weighted sum of losses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from losses.registry import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

# Names and values; what kind of number a value is, is up to the loss.
Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Term:
    """One loss with its weight and those of its options that differ from their defaults."""

    weight: float
    name: str
    options: Options = ()

    @property
    def text(self) -> str:
        """The term without its weight, `ssim(window=7)`."""
        options = ", ".join(f"{option}={shortest(value)}" for option, value in self.options)
        return f"{self.name}({options})" if options else self.name

    def __str__(self) -> str:
        return self.text if self.weight == 1 else f"{shortest(self.weight)}*{self.text}"


@dataclass(frozen=True)
class Objective:
    """A weighted sum of losses, made by `losses.parse`; `str()` gives its canonical text.

    Two objectives are equal when their canonical texts are. As a function it takes
    `(logits, target, valid=None)` as every loss does (see `losses.loss.Loss`) and returns one value
    per image.

    Attributes:
        terms: Ordered by name and options, no loss twice with the same options.
    """

    terms: tuple[Term, ...]

    @cached_property
    def losses(self) -> dict[str, Callable[..., Tensor]]:
        """The function of each term, by its text; the first use imports torch.

        `torch.compile(objective, fullgraph=True)` cannot trace an import: use this before it.
        """
        return {term.text: partial(load(term.name), **dict(term.options)) for term in self.terms}

    def __str__(self) -> str:
        return " + ".join(map(str, self.terms))

    def __call__(self, logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the objective of each image, (B,)."""
        return self.weighted_sum(self.term_values(logits, target, valid))

    def term_values(
        self, logits: Tensor, target: Tensor, valid: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return each term's value before its weight, `{term.text: (B,)}`, in their order."""
        return {text: loss(logits, target, valid) for text, loss in self.losses.items()}

    def weighted_sum(self, term_values: dict[str, Tensor]) -> Tensor:
        """Return the objective of each image, (B,), from what `term_values` returned."""
        first, *rest = (term.weight * term_values[term.text] for term in self.terms)
        return sum(rest, first)


def shortest(number: float) -> str:
    """Return the shortest text that reads back as `number`: `2` and not `2.0`."""
    return repr(number).removesuffix(".0")
