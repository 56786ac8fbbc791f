"""What is done when a training step does not fit into memory, so that the comparison stays fair.

The batch that the weights are updated by stays what was asked for. It is divided into ever smaller
micro-batches whose gradients are accumulated (only BatchNorm, which sees them one by one, differs),
and as a last resort activations are computed again on the way back instead of kept
(Chen et al. 2016, https://arxiv.org/abs/1604.06174), which changes nothing but time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from bench.data.batches import Batch
from bench.machine.failure import is_out_of_memory
from bench.settings.base import Size

SMALLEST_PART = 2  # images: BatchNorm has no statistics of one

Result = TypeVar("Result")


class StepPlan(NamedTuple):
    """How a step is made to fit.

    Attributes:
        accumulation_steps: micro-batches into which the batch is divided.
        checkpointing: whether activations are computed again instead of kept.
    """

    accumulation_steps: int = 1
    checkpointing: bool = False

    @property
    def none(self) -> bool:
        """Whether the step fits as it is."""
        return self == StepPlan()


def ladder(batch_size: int) -> list[StepPlan]:
    """From no plan to the most there is, each about half as demanding as the one before."""
    parts = [1]
    while batch_size // (2 * parts[-1]) >= SMALLEST_PART:
        parts.append(2 * parts[-1])
    return [*(StepPlan(count) for count in parts), StepPlan(parts[-1], checkpointing=True)]


class Limits:
    """What did not fit in this run, so that no larger network tries it again."""

    def __init__(self) -> None:
        self._failed: list[tuple[Size, int, int, int]] = []

    def note(self, size: Size, batch_size: int, parameters: int, rung: int) -> None:
        """A network of so many parameters did not fit at this rung of the ladder."""
        self._failed.append((size, batch_size, parameters, rung))

    def first_rung(self, size: Size, batch_size: int, parameters: int) -> int:
        """Where a network of so many parameters starts."""
        return max(
            (
                rung + 1
                for failed_size, failed_batch, failed_parameters, rung in self._failed
                if (failed_size, failed_batch) == (size, batch_size)
                and failed_parameters <= parameters
            ),
            default=0,
        )


class MemoryFallback:
    """The ladder as one network climbs it, at one size and batch.

    Attributes:
        plan: where it stands.
    """

    def __init__(self, model: nn.Module, size: Size, batch_size: int, limits: Limits) -> None:
        self._model, self._size, self._batch_size, self._limits = model, size, batch_size, limits
        self._parameters = sum(parameter.numel() for parameter in model.parameters())
        self._rungs = ladder(batch_size)
        self._rung = min(
            limits.first_rung(size, batch_size, self._parameters), len(self._rungs) - 1
        )
        self._proven = False

    @property
    def plan(self) -> StepPlan:
        """The rung that is stood on."""
        return self._rungs[self._rung]

    def run(self, step: Callable[[StepPlan], Result]) -> Result:
        """Call ``step`` and, where memory runs out, again with more plan.

        Raises:
            torch.OutOfMemoryError: there is nothing left to save.
        """
        while True:
            # The statistics of BatchNorm, which a step that fails half-way has changed already.
            buffers = [] if self._proven else [(b, b.clone()) for b in self._model.buffers()]
            try:
                with checkpointed(self._model) if self.plan.checkpointing else nullcontext():
                    result = step(self.plan)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._limits.note(self._size, self._batch_size, self._parameters, self._rung)
                if self._rung + 1 == len(self._rungs):
                    raise
            else:
                self._proven = True
                return result
            # Out of the handler, which would keep what the failed step had allocated.
            self._rung += 1
            self._model.zero_grad(set_to_none=True)
            for buffer, before in buffers:
                buffer.copy_(before)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def micro_batches(batch: Batch, count: int) -> Iterator[tuple[Batch, float]]:
    """The micro-batches of a batch, as equal as can be, each with its share of the images."""
    total = len(batch.mask)
    for images in zip(*(image.tensor_split(count) for image in batch), strict=True):
        part = Batch(*images)
        yield part, len(part.mask) / total


@contextmanager
def checkpointed(model: nn.Module) -> Iterator[None]:
    """Inside the block, the network's smallest composite modules keep their inputs alone."""
    blocks = [module for module in model.modules() if _is_block(module)]
    try:
        for block in blocks:
            block.forward = partial(_recomputed, block, block.forward)
        yield
    finally:
        for block in blocks:
            del block.forward


def _is_block(module: nn.Module) -> bool:
    children = list(module.children())
    return (
        bool(children)
        and not isinstance(module, nn.ModuleList | nn.ModuleDict)
        and not any(list(child.children()) for child in children)
        and "forward" not in vars(module)
    )


def _recomputed(block: nn.Module, forward: Callable[..., Any], *inputs: Any, **options: Any) -> Any:
    return checkpoint(
        forward,
        *inputs,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), _resting_statistics(block)),
        **options,
    )


@contextmanager
def _resting_statistics(block: nn.Module) -> Iterator[None]:
    """BatchNorms do not count a batch twice: their running statistics rest while it is repeated."""
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    counts = [norm.num_batches_tracked for norm in norms if norm.num_batches_tracked is not None]
    before = [count.clone() for count in counts]
    try:
        for norm in norms:
            norm.momentum = 0.0
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for count, value in zip(counts, before, strict=True):
            count.copy_(value)
