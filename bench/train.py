"""Train one network with one pair of objectives on one budget."""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler

import losses
from architectures import Prediction
from bench import evaluate, metrics
from bench.data import batches
from bench.data.augment import augment
from bench.data.batches import Batch
from bench.data.cache import Dataset
from bench.data.split import SplitRows
from bench.grid import LossPair, Train
from bench.precision import autocast
from bench.randomness import generator, seeded_globals
from bench.record import Epoch

STEPS_BETWEEN_READINGS = 10  # of the loss: each reading makes the host wait for the device

OnStep = Callable[[int, int, float, float], None]


HeadLosses = dict[str, Tensor]  # one number a head


class TrainingError(Exception):
    """Training cannot go on: one line that says why."""


@dataclass(frozen=True)
class Objectives:
    """What each head is trained to minimise; together, the sum of the two means over a batch."""

    mask: losses.Objective
    depth: losses.Objective

    @classmethod
    def parse(cls, pair: LossPair) -> Objectives:
        """The objectives that a pair of loss expressions names."""
        return cls(mask=losses.parse(pair.mask), depth=losses.parse(pair.depth))

    def __call__(self, prediction: Prediction, batch: Batch) -> HeadLosses:
        """The mean loss over the batch of each head that was predicted."""
        found: HeadLosses = {}
        if prediction.mask_logits is not None:
            found["mask"] = self.mask(prediction.mask_logits, batch.mask).mean()
        if prediction.depth_logits is not None:
            found["depth"] = self.depth(
                prediction.depth_logits, batch.depth, batch.depth_valid
            ).mean()
        return found


def fit(
    model: nn.Module,
    objectives: Objectives,
    dataset: Dataset,
    split: SplitRows,
    settings: Train,
    *,
    seed: int,
    device: torch.device,
    on_step: OnStep,
) -> tuple[Epoch, ...]:
    """Train ``model`` in place and leave it with the weights of its best epoch on validation.

    Every model trained with one seed sees the same batches in the same order, varied alike.

    Args:
        model: on ``device`` already.
        objectives: what to minimise.
        dataset: where the rows lie.
        split: ``train`` is learned from, ``val`` selects the epoch, ``test`` is not touched.
        settings: budget and recipe.
        seed: of the order of the samples, their variation, and any dropout.
        device: where to compute.
        on_step: called every few steps with step, total steps, loss, and images per second.

    Returns:
        The curve, one entry an epoch; the selected one is marked.

    Raises:
        TrainingError: the loss is no longer a finite number.
    """
    steps_per_epoch = batches.batches_per_epoch(split.train, settings.batch_size)
    total_steps = settings.steps or (settings.epochs or 0) * steps_per_epoch
    optimizer = create_optimizer(model, settings)
    schedule = _create_schedule(optimizer, settings, total_steps)
    order, variation = generator(seed, "order"), generator(seed, "augmentation")
    curve: list[Epoch] = []
    best_score, best_epoch, best_weights = -math.inf, 0, None
    step = 0
    with seeded_globals(seed, "dropout", device):
        while step < total_steps:
            model.train()
            started, images = time.perf_counter(), 0
            unread: list[HeadLosses] = []
            read: list[dict[str, float]] = []
            for rows in batches.shuffled(split.train, settings.batch_size, order):
                batch = augment(
                    batches.load(dataset, rows, device),
                    flip=settings.flip,
                    color_jitter=settings.color_jitter,
                    generator=variation,
                )
                unread.append(
                    train_step(model, objectives, optimizer, batch, settings, device=device)
                )
                schedule.step()
                step += 1
                images += len(rows)
                epoch_ends = step % steps_per_epoch == 0 or step == total_steps
                if epoch_ends or step % STEPS_BETWEEN_READINGS == 0:
                    read += _read(unread, first_step=step - len(unread) + 1)
                    unread.clear()
                    speed = images / (time.perf_counter() - started)
                    on_step(step, total_steps, sum(read[-1].values()), speed)
                if epoch_ends:
                    break
            train_s = time.perf_counter() - started
            summary = metrics.summarise(
                evaluate.score(
                    model,
                    dataset,
                    split.val,
                    batch_size=settings.batch_size,
                    precision=settings.precision,
                    device=device,
                )
            )
            curve.append(
                Epoch(
                    step=step,
                    losses={head: statistics.fmean(r[head] for r in read) for head in read[0]},
                    val=summary,
                    train_s=train_s,
                )
            )
            if summary.selection_score > best_score:
                best_score, best_epoch = summary.selection_score, len(curve) - 1
                best_weights = copy.deepcopy(model.state_dict())
    if best_weights is None:
        raise TrainingError("no epoch had a finite score on validation")
    model.load_state_dict(best_weights)
    curve[best_epoch] = curve[best_epoch].model_copy(update={"selected": True})
    return tuple(curve)


def train_step(
    model: nn.Module,
    objectives: Objectives,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    settings: Train,
    *,
    device: torch.device,
) -> HeadLosses:
    """One update of the weights; returns the heads' losses, still on the device."""
    with autocast(device, settings.precision):
        prediction = model(batch.background, batch.composite)
    head_losses = objectives(prediction, batch)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(tuple(head_losses.values()))  # adds the heads up
    if settings.gradient_clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_clip)
    optimizer.step()
    return {head: loss.detach() for head, loss in head_losses.items()}


def create_optimizer(model: nn.Module, settings: Train) -> torch.optim.Optimizer:
    """The optimizer that the settings name, in its fused form."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    match settings.optimizer:
        case "adamw":
            return torch.optim.AdamW(
                parameters,
                lr=settings.learning_rate,
                weight_decay=settings.weight_decay,
                fused=True,
            )
        case "sgd":
            return torch.optim.SGD(
                parameters,
                lr=settings.learning_rate,
                weight_decay=settings.weight_decay,
                momentum=settings.momentum,
                fused=True,
            )


def _create_schedule(
    optimizer: torch.optim.Optimizer, settings: Train, total_steps: int
) -> lr_scheduler.LRScheduler:
    match settings.schedule:
        case "one_cycle":
            return lr_scheduler.OneCycleLR(
                optimizer, max_lr=settings.learning_rate, total_steps=total_steps + 1
            )
        case "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, T_max=total_steps)
        case "constant":
            return lr_scheduler.ConstantLR(optimizer, factor=1)


def _read(steps: list[HeadLosses], *, first_step: int) -> list[dict[str, float]]:
    """Bring the losses of some steps to the host at once and check them."""
    heads = list(steps[0])
    values = torch.stack([losses[head] for losses in steps for head in heads]).view(-1, len(heads))
    read = [dict(zip(heads, row, strict=True)) for row in values.tolist()]
    for step, losses_ in enumerate(read, first_step):
        for head, value in losses_.items():
            if not math.isfinite(value):
                raise TrainingError(f"the {head} loss became {value} at step {step}")
    return read
