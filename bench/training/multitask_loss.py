"""What a cell minimises: the losses of the two tasks, weighed against each other."""

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


class LossValues(NamedTuple):
    """The losses of one batch, each a number on the device.

    Attributes:
        total: what is minimised.
        tasks: of each trained task, its expression's value before it is weighed.
        terms: of each trained task, the value of each term times its weight.
    """

    total: Tensor
    tasks: dict[str, Tensor]
    terms: dict[str, dict[str, Tensor]]

    def detached(self) -> LossValues:
        """The same numbers without the way they were computed."""
        return self._each(Tensor.detach)

    def scaled(self, factor: float) -> LossValues:
        """Each of the numbers times ``factor``."""
        return self if factor == 1 else self._each(lambda value: value * factor)

    def plus(self, other: LossValues) -> LossValues:
        """The sums of both's numbers."""
        return LossValues(
            self.total + other.total,
            {task: value + other.tasks[task] for task, value in self.tasks.items()},
            {
                task: {text: value + other.terms[task][text] for text, value in terms.items()}
                for task, terms in self.terms.items()
            },
        )

    def _each(self, change: Callable[[Tensor], Tensor]) -> LossValues:
        return LossValues(
            change(self.total),
            {task: change(value) for task, value in self.tasks.items()},
            {
                task: {text: change(value) for text, value in terms.items()}
                for task, terms in self.terms.items()
            },
        )


class MultiTaskLoss(nn.Module):
    """The objectives of a pair of loss expressions under its balance.

    - ``fixed``: the sum of the tasks' losses times their factors.
    - ``uncertainty``: the sum of exp(-s) L + s / 2 over the tasks, with a learned s = log of the
      variance for each, 0 at the start (Kendall et al. 2018, https://arxiv.org/abs/1705.07115).
    - ``equal_scale``: every term is micro_batches by its absolute value on the first batch.

    Args:
        pair: the expressions and the balance.
    """

    def __init__(self, pair: LossPair) -> None:
        super().__init__()
        expressions = {"mask": pair.mask, "depth": pair.depth}
        self.expressions = {
            task: losses.parse(text) for task, text in expressions.items() if text is not None
        }
        self.balance = pair.balance
        self.first_terms: dict[str, dict[str, Tensor]] | None = None
        if pair.balance.method == "uncertainty":
            self.log_variances = nn.ParameterDict(
                {task: nn.Parameter(torch.zeros(())) for task in self.expressions}
            )

    def forward(self, prediction: Prediction, batch: Batch) -> LossValues:
        """The losses of a batch; a task that is not predicted has none."""
        terms: dict[str, dict[str, Tensor]] = {}
        for task, objective in self.expressions.items():
            if task == "mask" and prediction.mask_logits is not None:
                values = objective.term_values(prediction.mask_logits, batch.mask)
            elif task == "depth" and prediction.depth_logits is not None:
                values = objective.term_values(
                    prediction.depth_logits, batch.depth, batch.depth_valid
                )
            else:
                continue
            terms[task] = {
                term.text: term.weight * values[term.text].mean() for term in objective.terms
            }
        if not terms:
            raise TrainingError(f"the network predicts no {' or '.join(self.expressions)}")
        tasks = {task: _sum(values) for task, values in terms.items()}
        return LossValues(self._weighed(tasks, terms), tasks, terms)

    def _weighed(self, tasks: dict[str, Tensor], terms: dict[str, dict[str, Tensor]]) -> Tensor:
        match self.balance.method:
            case "fixed":
                factors = {"mask": self.balance.mask, "depth": self.balance.depth}
                return _sum({task: factors[task] * value for task, value in tasks.items()})
            case "uncertainty":
                return _sum(
                    {
                        task: torch.exp(-self.log_variances[task]) * value
                        + self.log_variances[task] / 2
                        for task, value in tasks.items()
                    }
                )
            case "equal_scale":
                if self.first_terms is None:
                    self.first_terms = {
                        task: {text: value.detach().abs() for text, value in values.items()}
                        for task, values in terms.items()
                    }
                return _sum(
                    {
                        (task, text): value / torch.where(first > 0, first, 1)
                        for task, values in terms.items()
                        for text, value in values.items()
                        for first in (self.first_terms[task][text],)
                    }
                )


def _sum(values: dict[Any, Tensor]) -> Tensor:
    return torch.stack(list(values.values())).sum()
