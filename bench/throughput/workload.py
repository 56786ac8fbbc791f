"""What is timed: a case's network, its batches and its optimizer on a device."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import architectures
from architectures import Prediction
from bench.data.batch_loader import BatchLoader
from bench.data.batches import Batch
from bench.data.sample_pool import SamplePool
from bench.data.selection import open_selection
from bench.data.stream import stream
from bench.machine.precision import autocast, guard_narrow_convolutions
from bench.randomness import generator
from bench.settings import Architecture, Data
from bench.study.measurement import TimingCase
from bench.throughput.variants import CONTIGUOUS, Captured
from bench.training.multitask_loss import MultiTaskLoss
from bench.training.optimizer import create_optimizer
from bench.training.step import train_step
from bench.training.teacher import StudentTeacher

INPUTS = 4  # different batches, taken in turn, so that none lies ready in a cache of the device


class Workload:
    """A network with random weights and random images; or images from an archive.

    Attributes:
        model: in the case's memory format; the student and its teacher, where there is one.
        runner: what is called in its place: compiled or captured, if the variant says so.
    """

    def __init__(self, case: TimingCase, device: torch.device) -> None:
        self.case, self.device = case, device
        self.batch_size = case.recipe.batch_size
        self._format = (
            torch.contiguous_format if case.variant in CONTIGUOUS else torch.channels_last
        )
        self.model = self._create(case.architecture)
        if case.teacher is not None:
            self.model = StudentTeacher(self.model, self._create(case.teacher))
        self.runner = self.model
        if case.variant == "compiled":
            self.runner = torch.compile(self.model, dynamic=False)  # type: ignore[assignment]
        self._captured: dict[int, Captured] = {}
        self._recipe = case.recipe.model_copy(update={"precision": case.precision})
        self._objectives = MultiTaskLoss(
            self._recipe.losses or case.loss, size=self._recipe.loss_size
        ).to(device)
        self._optimizer: torch.optim.Optimizer | None = None

    def _create(self, architecture: Architecture) -> nn.Module:
        options: dict[str, Any] = dict(architecture.options)
        model = architectures.create(architecture.name, **options)
        if self.device.type == "cpu":
            guard_narrow_convolutions(model, [self.case.image_size])
        return model.to(device=self.device, memory_format=self._format)  # type: ignore[call-overload, no-any-return]

    def random_batch(self, size: int, number: int = 0) -> Batch:
        """``size`` random samples; another ``number`` gives others."""
        height, width = self.case.image_size
        random = generator(number, "throughput")

        def draw(channels: int) -> Tensor:
            drawn = torch.rand(size, channels, height, width, generator=random)
            return drawn.to(self.device).contiguous(memory_format=self._format)

        depth = draw(1)
        return Batch(draw(3), draw(3), draw(1).round(), depth, torch.ones_like(depth))

    def random_batches(self, size: int) -> Iterator[Batch]:
        """A few random batches of one size, over and over."""
        return itertools.cycle([self.random_batch(size, number) for number in range(INPUTS)])

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
        if self.runner.training:
            self.runner.eval()
        with torch.inference_mode(), autocast(self.device, self._recipe.precision):
            prediction: Prediction = self.runner(background, composite)
        return prediction

    def train(self, batch: Batch) -> None:
        """A whole training step, which leaves the weights as they are.

        The learning rate is 0: all is computed, but many steps on noise cannot end in numbers that
        are slower to compute with.
        """
        if not self.runner.training:
            self.runner.train()
        if self._optimizer is None:
            learning = nn.ModuleList([self.model, self._objectives])
            self._optimizer = create_optimizer(learning, self._recipe)
            for group in self._optimizer.param_groups:
                group["lr"] = 0.0
        train_step(
            self.runner,
            self._objectives,
            self._optimizer,
            batch,
            self._recipe,
            device=self.device,
        )

    def loss(self, batch: Batch) -> Tensor:
        """What a training step minimises, in float32 and without the variant, for counting."""
        self.model.train()
        total: Tensor = self._objectives(self.model(batch.background, batch.composite), batch).total
        return total


def open_pool(data: Data) -> SamplePool:
    """The samples of a grid's archives.

    Raises:
        InputError: an archive or the list of exclusions is at fault.
    """
    exclude = Path(data.exclude) if data.exclude else None
    return SamplePool(open_selection(data.sources(), exclude, lambda _: None))
