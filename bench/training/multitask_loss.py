"""What a cell minimises: the losses of the two heads, weighed against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import losses
from architectures import Prediction
from bench.data.batches import Batch
from bench.errors import TrainingError
from bench.settings import LossPair


class Losses(NamedTuple):
    """The losses of one batch, each a number on the device.

    Attributes:
        total: what is minimised.
        heads: of each trained head, its expression's value before it is weighed.
        terms: of each trained head, the value of each term times its weight.
    """

    total: Tensor
    heads: dict[str, Tensor]
    terms: dict[str, dict[str, Tensor]]

    def detached(self) -> Losses:
        """The same numbers without the way they were computed."""
        return self._each(Tensor.detach)

    def scaled(self, factor: float) -> Losses:
        """Each of the numbers times ``factor``."""
        return self if factor == 1 else self._each(lambda value: value * factor)

    def plus(self, other: Losses) -> Losses:
        """The sums of both's numbers."""
        return Losses(
            self.total + other.total,
            {head: value + other.heads[head] for head, value in self.heads.items()},
            {
                head: {text: value + other.terms[head][text] for text, value in terms.items()}
                for head, terms in self.terms.items()
            },
        )

    def _each(self, change: Callable[[Tensor], Tensor]) -> Losses:
        return Losses(
            change(self.total),
            {head: change(value) for head, value in self.heads.items()},
            {
                head: {text: change(value) for text, value in terms.items()}
                for head, terms in self.terms.items()
            },
        )


class Objectives(nn.Module):
    """The objectives of a pair of loss expressions under its balance.

    - ``fixed``: the sum of the heads' losses times their factors.
    - ``uncertainty``: the sum of exp(-s) L + s / 2 over the heads, with a learned s = log of the
      variance for each, 0 at the start (Kendall et al. 2018, https://arxiv.org/abs/1705.07115).
    - ``equal_scale``: every term is divided by its absolute value on the first batch.

    Args:
        pair: the expressions and the balance.
    """

    def __init__(self, pair: LossPair) -> None:
        super().__init__()
        expressions = {"mask": pair.mask, "depth": pair.depth}
        self.expressions = {
            head: losses.parse(text) for head, text in expressions.items() if text is not None
        }
        self.balance = pair.balance
        self.first_terms: dict[str, dict[str, Tensor]] | None = None
        if pair.balance.method == "uncertainty":
            self.log_variances = nn.ParameterDict(
                {head: nn.Parameter(torch.zeros(())) for head in self.expressions}
            )

    def forward(self, prediction: Prediction, batch: Batch) -> Losses:
        """The losses of a batch; a head that is not predicted has none."""
        terms: dict[str, dict[str, Tensor]] = {}
        for head, objective in self.expressions.items():
            if head == "mask" and prediction.mask_logits is not None:
                values = objective.term_values(prediction.mask_logits, batch.mask)
            elif head == "depth" and prediction.depth_logits is not None:
                values = objective.term_values(
                    prediction.depth_logits, batch.depth, batch.depth_valid
                )
            else:
                continue
            terms[head] = {
                term.text: term.weight * values[term.text].mean() for term in objective.terms
            }
        if not terms:
            raise TrainingError(f"the network predicts no {' or '.join(self.expressions)}")
        heads = {head: _sum(values) for head, values in terms.items()}
        return Losses(self._weighed(heads, terms), heads, terms)

    def _weighed(self, heads: dict[str, Tensor], terms: dict[str, dict[str, Tensor]]) -> Tensor:
        match self.balance.method:
            case "fixed":
                factors = {"mask": self.balance.mask, "depth": self.balance.depth}
                return _sum({head: factors[head] * value for head, value in heads.items()})
            case "uncertainty":
                return _sum(
                    {
                        head: torch.exp(-self.log_variances[head]) * value
                        + self.log_variances[head] / 2
                        for head, value in heads.items()
                    }
                )
            case "equal_scale":
                if self.first_terms is None:
                    self.first_terms = {
                        head: {text: value.detach().abs() for text, value in values.items()}
                        for head, values in terms.items()
                    }
                return _sum(
                    {
                        (head, text): value / torch.where(first > 0, first, 1)
                        for head, values in terms.items()
                        for text, value in values.items()
                        for first in (self.first_terms[head][text],)
                    }
                )


def _sum(values: dict[Any, Tensor]) -> Tensor:
    return torch.stack(list(values.values())).sum()
