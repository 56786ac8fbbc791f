"""What is done when a training step does not fit into memory, so that the comparison stays fair.

The weights are still updated by the batch that the recipe asks for. It is divided into ever smaller
micro-batches whose gradients are accumulated; only the statistics of BatchNorm differ, which are
per micro-batch. As a last resort activations are computed again in the backward pass instead of
kept (Chen et al. 2016, https://arxiv.org/abs/1604.06174), which changes nothing but time.
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

MIN_MICRO_BATCH = 2  # images: BatchNorm needs two

Result = TypeVar("Result")


class StepPlan(NamedTuple):
    """How a step is made to fit into memory.

    Attributes:
        accumulation_steps: micro-batches into which the batch is divided.
        checkpointing: whether activations are computed again instead of kept.
    """

    accumulation_steps: int = 1
    checkpointing: bool = False

    @property
    def none(self) -> bool:
        """Whether the step is made as it is."""
        return self == StepPlan()


def ladder(batch_size: int) -> list[StepPlan]:
    """Return the plans to try in turn, each of about half the memory of the one before."""
    counts = [1]
    while batch_size // (2 * counts[-1]) >= MIN_MICRO_BATCH:
        counts.append(2 * counts[-1])
    return [*(StepPlan(count) for count in counts), StepPlan(counts[-1], checkpointing=True)]


class Limits:
    """The plans that did not fit in this run, so that no larger network tries them again."""

    def __init__(self) -> None:
        self._failed: list[tuple[Size, int, int, int]] = []

    def note(self, size: Size, batch_size: int, parameters: int, rung: int) -> None:
        """Remember that a network of so many parameters did not fit at this rung of the ladder."""
        self._failed.append((size, batch_size, parameters, rung))

    def first_rung(self, size: Size, batch_size: int, parameters: int) -> int:
        """Return the rung at which a network of so many parameters starts."""
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
    """The ladder of plans for one network, at one image size and batch size.

    Attributes:
        plan: the one in use.
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
        """The plan in use."""
        return self._rungs[self._rung]

    def run(self, step: Callable[[StepPlan], Result]) -> Result:
        """Call ``step`` with the plan in use and, where memory runs out, with the next ones.

        Raises:
            torch.OutOfMemoryError: the last plan does not fit either.
        """
        while True:
            # Of BatchNorm's statistics, which a step changes before it fails.
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
            # After the handler, which keeps what the failed step has allocated.
            self._rung += 1
            self._model.zero_grad(set_to_none=True)
            for buffer, before in buffers:
                buffer.copy_(before)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def micro_batches(batch: Batch, count: int) -> Iterator[tuple[Batch, float]]:
    """Give the micro-batches of a batch, of nearly equal size, each with its share of images."""
    total = len(batch.mask)
    parts = ([None] * count if image is None else image.tensor_split(count) for image in batch)
    for images in zip(*parts, strict=True):
        part = Batch(*images)
        yield part, len(part.mask) / total


@contextmanager
def checkpointed(model: nn.Module) -> Iterator[None]:
    """Have the network's smallest composite modules keep only their inputs, inside the block."""
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
    """Keep the running statistics of BatchNorms as they are: a repeated batch counts once."""
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
