"""What is timed: a case's network, its batches and its trainings on a device."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

import architectures
from architectures import Prediction
from bench.data.augment import augment
from bench.data.batch_loader import BatchLoader
from bench.data.batches import Batch
from bench.data.sample_pool import SamplePool
from bench.data.selection import open_selection
from bench.data.stream import stream
from bench.machine.precision import autocast, guard_narrow_convolutions
from bench.randomness import generator
from bench.settings import Architecture, Data
from bench.settings.base import Size
from bench.study.timing_case import TimingCase
from bench.throughput.variants import CONTIGUOUS, Captured
from bench.training.compilation import FORMS, IN_GRAPHS
from bench.training.freezing import frozen
from bench.training.multitask_loss import MultiTaskLoss
from bench.training.optimizer import create_optimizer
from bench.training.out_of_memory import checkpointed
from bench.training.step import train_step
from bench.training.teacher import StudentTeacher

DRAWN = 16  # samples: drawing takes long, and what is in them changes no time
INPUTS = 4  # different batches, taken in turn, so that none lies ready in a cache of the device


class Workload:
    """A network with random weights and random images; or images from an archive.

    Attributes:
        model: in the case's memory format; the student and its teacher, where there is one.
        parameters: how many numbers the network itself learns.
    """

    def __init__(self, case: TimingCase, device: torch.device) -> None:
        self.case, self.device = case, device
        self.batch_size = case.recipe.batch_size
        self._format = (
            torch.contiguous_format if case.variant in CONTIGUOUS else torch.channels_last
        )
        self._recipe = case.recipe.model_copy(update={"precision": case.precision})
        self._training_size = case.recipe.image_size or case.image_size
        self.model = self._create(case.architecture)
        self.parameters = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        if case.teacher is not None:
            self.model = StudentTeacher(self.model, self._create(case.teacher))
        self._frozen = ExitStack()  # for as long as this object lives
        self._resting = self._frozen.enter_context(frozen(self.model, self._recipe.freeze))
        self._forms: dict[str, nn.Module] = {}
        self._captured: dict[int, Captured] = {}
        self._drawn: dict[Size, list[Tensor]] = {}
        self._variation = generator(0, "augmentation 0")
        self._trained: _Trained | None = None

    def _create(self, architecture: Architecture) -> nn.Module:
        options: dict[str, Any] = dict(architecture.options)
        model = architectures.create(architecture.name, **options)
        if self.device.type == "cpu":
            guard_narrow_convolutions(model, {self.case.image_size, self._training_size})
        return model.to(device=self.device, memory_format=self._format)  # type: ignore[call-overload, no-any-return]

    def random_batch(self, size: int, number: int = 0, at: Size | None = None) -> Batch:
        """``size`` random samples; another ``number`` gives others.

        Only `DRAWN` are drawn; more are the same ones over and over.

        Args:
            size: of the batch.
            number: of the batch.
            at: (height, width); by default the case's.
        """
        pictures = self._pictures(at or self.case.image_size)
        rows = (torch.arange(size) + number) % DRAWN
        background, composite, mask, depth = (
            images[rows.to(self.device)].contiguous(memory_format=self._format)
            for images in pictures
        )
        return Batch(background, composite, mask, depth, None)

    def _pictures(self, size: Size) -> list[Tensor]:
        """Random backgrounds, composites, masks and depths, drawn once."""
        if size not in self._drawn:
            random = generator(0, "throughput")
            background, composite, mask, depth = (
                torch.rand(DRAWN, channels, *size, generator=random) for channels in (3, 3, 1, 1)
            )
            images = [background, composite, mask.round(), depth]
            self._drawn[size] = [image.to(self.device) for image in images]
        return self._drawn[size]

    def random_batches(self, size: int, at: Size | None = None) -> Iterator[Batch]:
        """A few random batches of one size, over and over."""
        return itertools.cycle([self.random_batch(size, number, at) for number in range(INPUTS)])

    def training_batches(self) -> Iterator[Batch]:
        """A few random batches as the training takes them, over and over."""
        return self.random_batches(self.batch_size, self._training_size)

    def archive_batches(self, data: Data) -> Iterator[Batch]:
        """What a network sees of the archive's samples, decoded anew each time, over and over."""
        dataset = stream(open_pool(data), self.case.image_size, fingerprint="")
        seen = replace(dataset, masks=None, depths=None, depth_valid=None, mask_valid=None)
        places = (
            np.arange(start, start + self.batch_size)
            for start in itertools.count(0, self.batch_size)
        )
        return BatchLoader(seen, self.device).iterate(
            rows % len(dataset.samples) for rows in places
        )

    def predict(self, batch: Batch) -> Prediction:
        """A forward pass, as for use."""
        if self.case.variant != "cuda_graph":
            return self._predict(batch.background, batch.composite)
        size = len(batch.composite)
        if size not in self._captured:
            self._captured[size] = Captured(self._predict, batch.background, batch.composite)
        return self._captured[size](batch.background, batch.composite)

    def _predict(self, background: Tensor, composite: Tensor) -> Prediction:
        network = self._network("compiled" if self.case.variant == "compiled" else "plain")
        if network.training:
            network.eval()
        with torch.inference_mode(), autocast(self.device, self._recipe.precision):
            prediction: Prediction = network(background, composite)
        return prediction

    def _network(self, form: str) -> nn.Module:
        """The network in one of the forms that it can be compiled to, see `FORMS`."""
        if form not in self._forms:
            self._forms[form] = FORMS[form](self.model)
        return self._forms[form]

    def train(self, number: int, batch: Batch) -> None:
        """A training step from the batch on, which leaves the weights as they are.

        The learning rate is 0: all is computed, but many steps on noise cannot end in numbers that
        are slower to compute with.

        Args:
            number: of the training among the case's.
            batch: on the device.
        """
        if self._trained is None or self._trained.number != number:
            self._trained = None  # its optimizer makes room for the next one's
            self._trained = self._prepare(number)
        _, network, objectives, optimizer = self._trained
        as_trained = self.case.trainings[number]
        self._set_training(network)
        with checkpointed(self.model) if as_trained.checkpointing else nullcontext():
            train_step(
                network,
                objectives,
                optimizer,
                self._as_learned(batch),
                self._recipe,
                device=self.device,
                accumulation_steps=as_trained.accumulation_steps,
            )

    def _prepare(self, number: int) -> _Trained:
        as_trained = self.case.trainings[number]
        objectives = self._objectives(number)
        optimizer = create_optimizer(nn.ModuleList([self.model, objectives]), self._recipe)
        for group in optimizer.param_groups:
            group["lr"] = 0.0
        form = "plain"
        if as_trained.compiled or self.case.variant == "compiled":
            form = IN_GRAPHS if as_trained.cuda_graphs else "compiled"
        return _Trained(number, self._network(form), objectives, optimizer)

    def _objectives(self, number: int) -> MultiTaskLoss:
        loss = self._recipe.losses or self.case.trainings[number].loss
        return MultiTaskLoss(loss, size=self._recipe.loss_size).to(self.device)

    def _set_training(self, network: nn.Module) -> None:
        if not network.training or any(module.training for module in self._resting):
            network.train()
            for module in self._resting:
                module.eval()

    def _as_learned(self, batch: Batch) -> Batch:
        """A batch as the training makes it: varied, and with what a teacher sees as its depth."""
        batch = augment(
            batch,
            flip=self._recipe.flip,
            color_jitter=self._recipe.color_jitter,
            generator=self._variation,
        )
        if isinstance(self.model, StudentTeacher):
            with autocast(self.device, self._recipe.precision):
                batch = self.model.pseudo_label(batch, self._recipe.loss_size)
        return batch

    def loss(self, batch: Batch) -> Tensor:
        """What the first training's step minimises, in float32 and not compiled, for counting."""
        self._set_training(self.model)
        batch = self._as_learned(batch)
        prediction = self.model(batch.background, batch.composite)
        total: Tensor = self._objectives(0)(prediction, batch).total
        return total


class _Trained(NamedTuple):
    """A training that is being timed."""

    number: int
    network: nn.Module
    objectives: MultiTaskLoss
    optimizer: torch.optim.Optimizer


def open_pool(data: Data) -> SamplePool:
    """The samples of a grid's archives.

    Raises:
        InputError: an archive or the list of exclusions is at fault.
    """
    exclude = Path(data.exclude) if data.exclude else None
    return SamplePool(open_selection(data.sources(), exclude, lambda _: None))
