"""What is done when a training step does not fit into memory, so that the comparison stays fair.

The weights are still updated by the batch that the recipe asks for. It is divided into ever smaller
micro-batches whose gradients are accumulated; only the statistics of BatchNorm differ, which are
per micro-batch. As a last resort activations are computed again in the backward pass instead of
kept (Chen et al. 2016, https://arxiv.org/abs/1604.06174), which changes nothing but time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from bench.data.batches import Batch
from bench.machine.failure import is_out_of_memory
from bench.machine.memory import PeakMemory
from bench.randomness import random_state, set_random_state
from bench.settings.recipe import MIN_MICRO_BATCH

Result = TypeVar("Result")


class StepPlan(NamedTuple):
    """How a step is made to fit into memory.

    Attributes:
        accumulation_steps: micro-batches into which the batch is divided.
        checkpointing: whether activations are computed again instead of kept.
    """

    accumulation_steps: int = 1
    checkpointing: bool = False

    def thrift(self) -> tuple[bool, int]:
        """Return what is larger for the plan that needs less memory."""
        return self.checkpointing, self.accumulation_steps


def ladder(batch_size: int, first: StepPlan) -> list[StepPlan]:
    """Return the plans to try in turn, each of about half the memory of the one before."""
    if first.checkpointing:
        return [first]
    counts = [first.accumulation_steps]
    while batch_size // (2 * counts[-1]) >= MIN_MICRO_BATCH:
        counts.append(2 * counts[-1])
    return [*(StepPlan(count) for count in counts), StepPlan(counts[-1], checkpointing=True)]


UNDIVIDED = StepPlan()


class MemoryFallback:
    """The ladder of plans for the steps of one training.

    A step that runs out of memory is made again by the next plan, from where it began: with the
    buffers, the optimizer and the random numbers that there were.

    Args:
        plans: to try in turn.
        model: what learns.
        optimizer: of its parameters.
        device: that computes.
        memory: what is counted; not of a plan that was given up.

    Attributes:
        plan: the one in use.
    """

    def __init__(
        self,
        plans: Sequence[StepPlan],
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        memory: PeakMemory,
    ) -> None:
        self.plan, *self._next = plans
        self._model, self._memory = model, memory
        self._before = BeforeStep(model, optimizer, device)

    def take(self, plan: StepPlan) -> None:
        """Go on with a plan that an earlier run of the training had come to."""
        self.plan = max(self.plan, plan, key=StepPlan.thrift)
        self._next = [p for p in self._next if p.thrift() > self.plan.thrift()]

    def run(self, step: Callable[[StepPlan], Result]) -> Result:
        """Call ``step`` with the plan in use and, where memory runs out, with the next ones.

        Args:
            step: updates the weights last of all, or runs out of memory before.

        Raises:
            torch.OutOfMemoryError: the last plan does not fit either.
        """
        self._before.keep()
        while True:
            try:
                with checkpointed(self._model) if self.plan.checkpointing else nullcontext():
                    return step(self.plan)
            except Exception as error:
                if not self._next or not is_out_of_memory(error):
                    raise
            # After the handler, which keeps what the failed step has allocated.
            self.plan = self._next.pop(0)
            self._before.restore()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self._memory.forget()


class BeforeStep:
    """What a step changes before it updates the weights.

    Kept at every step, so cheaply: one operation on the device for all buffers, which are the
    statistics of BatchNorm and their counts of batches, as bytes.

    Args:
        model: whose buffers.
        optimizer: makes the state of a parameter in the first step that gives it a gradient.
        device: whose random numbers, besides the host's.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
    ) -> None:
        self._model, self._optimizer, self._device = model, optimizer, device
        self._list_buffers()

    def _list_buffers(self) -> None:
        self._places = [
            (module._buffers, name, buffer)  # noqa: SLF001 - where it is to be put back
            for module in self._model.modules()
            for name, buffer in module.named_buffers(recurse=False)
        ]
        alike = defaultdict(list)
        for *_, buffer in self._places:
            seen = buffer.view(-1).view(torch.uint8) if buffer.is_contiguous() else buffer
            alike[seen.dtype, seen.device].append(seen)
        self._kept = [(group, [buffer.clone() for buffer in group]) for group in alike.values()]

    @torch.no_grad()
    def keep(self) -> None:
        """Note what there is before a step."""
        if all(buffers.get(name) is buffer for buffers, name, buffer in self._places):
            for group, kept in self._kept:
                torch._foreach_copy_(kept, group)
        else:  # the network has put other tensors there
            self._list_buffers()
        self._states = len(self._optimizer.state)
        self._random = random_state(self._device)

    @torch.no_grad()
    def restore(self) -> None:
        """Bring it back after a step that failed, which leaves no gradients either."""
        for buffers, name, buffer in self._places:
            buffers[name] = buffer
        for group, kept in self._kept:
            torch._foreach_copy_(group, kept)
        self._optimizer.zero_grad(set_to_none=True)
        for parameter in list(self._optimizer.state)[self._states :]:
            del self._optimizer.state[parameter]
        set_random_state(self._random, self._device)


def micro_batches(
    batch: Batch, count: int, total: int | None = None
) -> Iterator[tuple[Batch, float]]:
    """Give the micro-batches of a batch, of nearly equal size, each with its share of images.

    Args:
        batch: to divide.
        count: how many.
        total: images of which that is a share; by default the batch's.
    """
    total = total or len(batch.mask)
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
