"""The loss that a cell minimises: those of the two tasks, weighed against each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import losses
from architectures import Prediction
from bench.data.batches import Batch
from bench.errors import DivergedError, TrainingError
from bench.settings import LossPair
from bench.settings.recipe import LossSize

Scale = dict[str, dict[str, Tensor]]  # of each task, what each of its terms is divided by


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
        """Return the same numbers without their gradient graph."""
        return self._each(Tensor.detach)

    def scaled(self, factor: float) -> LossValues:
        """Return each of the numbers times ``factor``."""
        return self._each(lambda value: _times(factor, value))

    def plus(self, other: LossValues) -> LossValues:
        """Return the sums of the numbers of both."""
        return LossValues(
            self.total + other.total,
            {task: value + other.tasks[task] for task, value in self.tasks.items()},
            {
                task: {text: value + other.terms[task][text] for text, value in terms.items()}
                for task, terms in self.terms.items()
            },
        )

    def changed(self, change: Callable[[Tensor], Tensor]) -> LossValues:
        """Return the numbers that ``change`` makes of all of them together, as one (n,) tensor."""
        terms = [value for values in self.terms.values() for value in values.values()]
        new = iter(change(torch.stack([self.total, *self.tasks.values(), *terms])))
        return self._each(lambda _: next(new))

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
    - ``equal_scale``: every term is divided by its absolute value on the first batch.

    Args:
        pair: the expressions and the balance.
        size: at which size the losses compare: ``full``, that of the images, or ``native``, that of
            the network's last layer.

    Attributes:
        scale: of ``equal_scale``, None until the first batch has been trained on; the other
            balances have none to wait for.
    """

    def __init__(self, pair: LossPair, *, size: LossSize = "full") -> None:
        super().__init__()
        self.size = size
        expressions = {"mask": pair.mask, "depth": pair.depth}
        self.expressions = {
            task: losses.parse(text) for task, text in expressions.items() if text is not None
        }
        self.balance = pair.balance
        self.scale: Scale | None = None if pair.balance.method == "equal_scale" else {}
        if pair.balance.method == "uncertainty":
            self.log_variances = nn.ParameterDict(
                {task: nn.Parameter(torch.zeros(())) for task in self.expressions}
            )

    def forward(
        self, prediction: Prediction, batch: Batch, scale: Scale | None = None
    ) -> LossValues:
        """Return the losses of a batch; a task that is not predicted has none.

        Args:
            prediction: of the network.
            batch: the truth.
            scale: of ``equal_scale``; by default the attribute, and on the first batch its own.

        Raises:
            TrainingError: the network predicts no task of the pair, or not at the size asked for.
        """
        targets = {
            "mask": (batch.mask, batch.mask_valid),
            "depth": (batch.depth, batch.depth_valid),
        }
        terms: dict[str, dict[str, Tensor]] = {}
        for task, objective in self.expressions.items():
            logits = logits_of(prediction, task, self.size)
            if logits is None:
                continue
            target, valid = targets[task]
            if self.size == "native":
                target = _resized(target, like=logits)
                valid = None if valid is None else _resized(valid, like=logits)
            values = objective.term_values(logits, target, valid)
            terms[task] = {
                term.text: _times(term.weight, values[term.text].mean()) for term in objective.terms
            }
        if not terms:
            raise TrainingError(f"the network predicts no {' or '.join(self.expressions)}")
        tasks = {task: _sum(values.values()) for task, values in terms.items()}
        return LossValues(self._weighed(tasks, terms, scale), tasks, terms)

    def _weighed(
        self, tasks: dict[str, Tensor], terms: dict[str, dict[str, Tensor]], scale: Scale | None
    ) -> Tensor:
        match self.balance.method:
            case "fixed":
                factors = {"mask": self.balance.mask, "depth": self.balance.depth}
                return _sum(_times(factors[task], value) for task, value in tasks.items())
            case "uncertainty":
                return _sum(
                    torch.exp(-self.log_variances[task]) * value + self.log_variances[task] / 2
                    for task, value in tasks.items()
                )
            case "equal_scale":
                scale = scale or self.scale or scale_of(terms)
                return _sum(
                    value / scale[task][text]
                    for task, values in terms.items()
                    for text, value in values.items()
                )


def read_losses(
    steps: list[LossValues], *, first_step: int
) -> tuple[list[dict[str, float]], float]:
    """Return the tasks' losses of some steps, and what the last minimised, read at once.

    Args:
        steps: their values, on the device.
        first_step: the number of the first of them, from 1.

    Raises:
        DivergedError: a task's loss is not finite.
    """
    tasks = list(steps[0].tasks)
    values = torch.stack(
        [value for found in steps for value in (*(found.tasks[t] for t in tasks), found.total)]
    )
    rows = values.view(len(steps), -1).tolist()
    read = [dict(zip(tasks, row, strict=False)) for row in rows]
    for step, row in enumerate(read, first_step):
        for task, value in row.items():
            if not math.isfinite(value):
                raise DivergedError(f"the {task} loss became {value} at step {step}")
    return read, rows[-1][-1]


def scale_of(terms: dict[str, dict[str, Tensor]]) -> Scale:
    """Return what ``equal_scale`` divides by if these are the terms on the first batch.

    A term that is 0 there is divided by 1.
    """
    return {
        task: {
            text: torch.where(size > 0, size, 1)
            for text, value in values.items()
            for size in (value.detach().abs(),)
        }
        for task, values in terms.items()
    }


def logits_of(prediction: Prediction, task: str, size: LossSize) -> Tensor | None:
    """Return the logits of a task at full size, or at the size of the network's last layer.

    Raises:
        TrainingError: the network predicts the task at full size only, and not this is asked for.
    """
    full: Tensor | None = getattr(prediction, f"{task}_logits")
    if size == "full" or full is None:
        return full
    native: Tensor | None = getattr(prediction, f"native_{task}_logits")
    if native is None:
        raise TrainingError(
            f"loss_size: native: the network predicts the {task} at full size only; "
            "leave loss_size at full"
        )
    return native


def _resized(target: Tensor, *, like: Tensor) -> Tensor:
    """The source pixel under the center of each pixel, as Pillow's NEAREST has it.

    So Hu et al. 2019 and Alhashim and Wonka 2018 halved their depth maps. No pixel is a mixture:
    a mask stays hard, and a pixel is valid if the one that it comes from is.
    """
    if target.shape[2:] == like.shape[2:]:
        return target
    return F.interpolate(target, like.shape[2:], mode="nearest-exact")


def _times(factor: float, value: Tensor) -> Tensor:
    """The product, without an operation for the usual factor of 1."""
    return value if factor == 1 else factor * value


def _sum(values: Iterable[Tensor]) -> Tensor:
    first, *rest = values
    if len(rest) <= 1:
        return sum(rest, first)
    return torch.stack([first, *rest]).sum()  # two operations, however many values
