"""How fast an archive's samples are read, beside what training can eat.

The ways are timed in rounds, one after the other, so that a machine that slows down slows all.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import architectures
from bench.data import batches
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_cache
from bench.data.cache_build import CacheBuild
from bench.data.layouts import KINDS, NO_ENTRY, Manifest
from bench.data.sample_pool import SamplePool
from bench.machine.device import synchronize
from bench.settings import LossPair, Recipe
from bench.settings.base import Size
from bench.training.multitask_loss import MultiTaskLoss
from bench.training.optimizer import create_optimizer
from bench.training.step import train_step

ROUNDS = 5
BATCH = 64
TRAINING_STEPS = 5


class Speed(NamedTuple):
    """One way of reading, or training, and what it handles.

    Attributes:
        name: of the way.
        samples_per_s: the median over the rounds.
        ratio: to the first way's, the median of the rounds' ratios.
    """

    name: str
    samples_per_s: float
    ratio: float


def measure(
    layout: Manifest, size: Size, *, samples: int, architecture: str, device: torch.device
) -> list[Speed]:
    """Time each way of reading the first samples of a layout, and a training step on them.

    - the reference way: zipfile's bytes, Pillow, resized, as float tensors, one thread;
    - the first pass: decoded and resized into the cache, by one thread and on all cores;
    - the cached pass: batches on the device out of the cache;
    - a training step of ``architecture`` on a batch that is there already.

    Args:
        layout: of the archive; see `bench.data.layouts.open_layouts`.
        size: (height, width) to resize to.
        samples: how many to read at most.
        architecture: a network's name.
        device: that trains.
    """
    layout = replace(layout, samples=layout.samples.head(samples))
    count = len(layout.samples)
    pool = SamplePool([layout])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "cache"
        CacheBuild(folder, pool, size, _quietly).run()
        loader = BatchLoader(open_cache(folder, size, fingerprint=""), device)
        ways: dict[str, Callable[[], int]] = {
            "reference: zipfile, Pillow, float": lambda: _read_plainly(layout, size),
            "first pass, one thread": lambda: _decode(pool, size, 1),
            "first pass, all cores": lambda: _decode(pool, size, None),
            "cached pass": lambda: _read_cached(loader, count),
            f"training step of {architecture}": _training(architecture, loader, count),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                started = time.perf_counter()
                handled = way()
                rates[name].append(handled / (time.perf_counter() - started))
    first = next(iter(rates.values()))
    return [
        Speed(
            name,
            statistics.median(found),
            statistics.median(a / b for a, b in zip(found, first, strict=True)),
        )
        for name, found in rates.items()
    ]


def _read_plainly(layout: Manifest, size: Size) -> int:
    """Every sample as a plain Dataset would read it: all its images, one after the other."""
    with ExitStack() as opened:
        archives = {
            container.path: opened.enter_context(zipfile.ZipFile(container.path))
            for container in layout.entries.containers
            if container.path.is_file()
        }
        for row in range(len(layout.samples)):
            for kind in KINDS:
                entry = int(layout.samples[f"{kind}_entry"].iloc[row])
                if entry == NO_ENTRY:
                    continue
                container, at = layout.entries.place(entry)
                archive = archives.get(container.path)
                content = archive.read(str(container.names[at])) if archive else container.read(at)
                _as_tensor(content, size, color=kind in {"background", "composite"})
    return len(layout.samples)


def _as_tensor(content: bytes, size: Size, *, color: bool) -> Tensor:
    """(C, H, W) float32: what torchvision's Resize and ToTensor do."""
    image: Image.Image = Image.open(io.BytesIO(content))
    image = image.convert("RGB" if color else "L") if not image.mode.startswith("I") else image
    image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image))
    pixels = pixels.reshape(*size, -1).permute(2, 0, 1).contiguous()
    return pixels.to(torch.float32).div(255)


def _decode(pool: SamplePool, size: Size, workers: int | None) -> int:
    with tempfile.TemporaryDirectory() as folder:
        CacheBuild(Path(folder) / "cache", pool, size, _quietly, workers=workers).run()
    return len(pool.samples)


def _quietly(_done: int, _total: int) -> None:
    return


def _read_cached(loader: BatchLoader, count: int) -> int:
    for _ in loader.iterate(batches.in_order(np.arange(count), BATCH)):
        pass
    synchronize(loader.device)
    return count


def _training(architecture: str, loader: BatchLoader, count: int) -> Callable[[], int]:
    """Some training steps on one batch that lies on the device."""
    recipe = Recipe(steps=TRAINING_STEPS)
    tasks = dict.fromkeys(loader.dataset.tasks, "bce")
    model = architectures.create(architecture, seed=0)
    model.to(device=loader.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    objectives = MultiTaskLoss(LossPair.model_validate(tasks)).to(loader.device)
    optimizer = create_optimizer(model, recipe)
    batch = loader.load(np.arange(min(count, recipe.batch_size)))
    model.train()

    def train() -> int:
        for _ in range(TRAINING_STEPS):
            train_step(model, objectives, optimizer, batch, recipe, device=loader.device)
        synchronize(loader.device)
        return TRAINING_STEPS * len(batch.mask)

    return train
