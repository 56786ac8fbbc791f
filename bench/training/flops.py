"""Floating-point operations, counted while they are carried out."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from bench.errors import TrainingError
from bench.machine.precision import autocast, number_format
from bench.randomness import seeded_globals
from bench.settings import LossPair, Recipe
from bench.training.freezing import frozen
from bench.training.multitask_loss import MultiTaskLoss
from bench.training.optimizer import create_optimizer
from bench.training.step import train_step

if TYPE_CHECKING:
    from bench.training.fit import Trainer

COUNTER = f"torch.utils.flop_counter {torch.__version__}"
COMPUTES_NOTHING = re.compile(
    r"_to_copy|_unsafe_view|clone|copy_|detach|fill_|zero_|new_.+|.+_like|cat|stack"
)


def count(run: Callable[[], object]) -> tuple[int, set[str]]:
    """The operations of a run, and the names of those that the counter has no formula for."""
    with _Uncounted() as seen, FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops()), seen.names


def of_step(trainer: Trainer, model: nn.Module, pair: LossPair, recipe: Recipe) -> int:
    """Return the operations of one training step, with those of a teacher that labels its batch.

    They are counted on two images with a copy of the network, which stays as it is.

    Args:
        trainer: of the network.
        model: on the device.
        pair: the losses, where the recipe has none of its own.
        recipe: with the batch size and what is frozen.

    Raises:
        TrainingError: the counter has a formula for none of them.
    """
    device, model = trainer.device, copy.deepcopy(model).train()
    objectives = MultiTaskLoss(recipe.losses or pair, size=recipe.loss_size).to(device)
    rows = trainer.split.train[:2]
    batch = trainer.loaders[recipe.image_size or trainer.image_size].load(rows)

    def step() -> None:
        labelled = batch
        if trainer.pseudo_label is not None:
            with autocast(device, recipe.precision):
                labelled = trainer.pseudo_label(batch, recipe.loss_size)
        train_step(model, objectives, optimizer, labelled, recipe, device=device)

    with (
        trainer.memory.ignoring(),
        seeded_globals(trainer.seed, "counting", device),
        number_format(recipe.precision),
        frozen(model, recipe.freeze),
    ):
        optimizer = create_optimizer(nn.ModuleList([model, objectives]), recipe)
        counted, _ = count(step)
    if not counted:
        raise TrainingError("budget.flops: no operation of the network can be counted")
    return counted * min(recipe.batch_size, len(trainer.split.train)) // len(rows)


class _Uncounted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers what computes floating-point numbers without being counted."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        packet = func.overloadpacket
        name = str(packet).removeprefix("aten.")
        computes = not (func.is_view or COMPUTES_NOTHING.fullmatch(name)) and any(
            map(_is_float, args)
        )
        if computes and packet not in flop_registry:
            self.names.add(name)
        return out


def _is_float(argument: object) -> bool:
    if isinstance(argument, list | tuple):
        return any(map(_is_float, argument))
    return isinstance(argument, Tensor) and argument.is_floating_point()
