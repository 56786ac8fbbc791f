"""Ways to train one network on one archive, to be timed beside each other.

Each takes the steps to make and says how many images a second it trained on. They do the same work:
the same network, losses, optimizer, batch and, but for the reference way, precision. Each runs in a
process of its own, so that what one sets there is no other's.
"""

from __future__ import annotations

import io
import itertools
import time
import zipfile
from contextlib import ExitStack

import numpy as np
import torch
from PIL import Image
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

import architectures
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.machine import memory
from bench.machine.device import synchronize
from bench.machine.precision import guard_narrow_convolutions
from bench.machine.processes import WorkerProcess, answer_all
from bench.settings import LossPair, Recipe, Split
from bench.training.fit import Trainer

LEARNING_RATE = 1e-4
WARM_UP_STEPS = 4
PAIR = LossPair(mask="bce", depth="bce")


def create(name, device, size):
    model = architectures.create(name, seed=0)
    if device.type == "cpu":
        guard_narrow_convolutions(model, [(size, size)])
    return model.to(device=device, memory_format=torch.channels_last).train()


def create_optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, fused=True)


def loss_of(prediction, mask, depth):
    return functional.binary_cross_entropy_with_logits(
        prediction.mask_logits.float(), mask
    ) + functional.binary_cross_entropy_with_logits(prediction.depth_logits.float(), depth)


class Harness:
    """`bench run`'s own loop."""

    def __init__(self, name, archive, device, size=64, batch_size=16):
        memory.keep_freed_memory()
        dataset = open_dataset([archive], (size, size))
        split = split_rows(
            dataset.samples, Split(train=0.9, val=0.05, test=0.05), dataset.fingerprint
        )
        self.device, self.size, self.batch_size = device, size, batch_size
        self.model = create(name, device, size)
        self.trainer = Trainer(
            {(size, size): BatchLoader(dataset, device)},
            (size, size),
            split,
            0,
            device,
            memory=memory.PeakMemory(device),
            tasks=("mask", "depth"),
        )

    def images_per_s(self, steps):
        recipe = Recipe(
            steps=steps,
            batch_size=self.batch_size,
            flip=False,
            color_jitter=0,
            learning_rate=LEARNING_RATE,
            schedule="constant",
        )
        curve = self.trainer.fit(self.model, PAIR, (recipe,)).curve
        return steps * self.batch_size / sum(epoch.train_s for epoch in curve)


def load_batches(archive, device, size, batch_size, count=8):
    loader = BatchLoader(open_dataset([archive], (size, size)), device)
    return [loader.load(np.arange(at, at + batch_size)) for at in range(count)]


class Bare:
    """A plain loop over batches that lie on the device, which nothing can beat."""

    def __init__(self, name, archive, device, size=64, batch_size=16):
        memory.keep_freed_memory()
        self.batches = load_batches(archive, device, size, batch_size)
        self.model, self.device = create(name, device, size), device
        self.optimizer = create_optimizer(self.model)

    def images_per_s(self, steps):
        synchronize(self.device)
        started = time.perf_counter()
        for batch in itertools.islice(itertools.cycle(self.batches), steps):
            with torch.autocast(self.device.type, torch.bfloat16):
                prediction = self.model(batch.background, batch.composite)
            loss = loss_of(prediction, batch.mask, batch.depth)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
        synchronize(self.device)
        return steps * len(self.batches[0].mask) / (time.perf_counter() - started)


class ZipDataset(TorchDataset):
    """Opens the zip, decodes and resizes by Pillow at every access, as the published code did."""

    def __init__(self, archive, size):
        self.archive, self.size, self.zip = archive, size, None
        with zipfile.ZipFile(archive) as opened:
            table = opened.read("samples.csv").decode().splitlines()[1:]
        self.samples = [line.split(",")[:2] for line in table]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        self.zip = self.zip or zipfile.ZipFile(self.archive)
        key, background = self.samples[index]
        return (
            self._image(f"background/{background}.jpg", 255),
            self._image(f"composite/{key}.jpg", 255),
            (self._image(f"mask/{key}.png", 255) > 0.5).float(),
            self._image(f"depth/{key}.png", 12000).clamp(max=1),
        )

    def _image(self, entry, maximum):
        image = Image.open(io.BytesIO(self.zip.read(entry)))
        image = image.resize((self.size, self.size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(image, dtype=np.float32)).div(maximum)
        return pixels.reshape(self.size, self.size, -1).permute(2, 0, 1).contiguous()


class Reference:
    """A DataLoader over the zip, float32, PyTorch's defaults, and a loss read at every step."""

    def __init__(self, name, archive, device, size=64, batch_size=16, *, workers):
        self.model = architectures.create(name, seed=0).to(device).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=LEARNING_RATE)
        self.device = device
        self.loader = DataLoader(
            ZipDataset(archive, size),
            batch_size=batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            persistent_workers=workers > 0,
            generator=torch.Generator().manual_seed(0),
        )
        self.epochs = itertools.chain.from_iterable(itertools.repeat(self.loader))
        next(self.epochs)  # the workers are up

    def images_per_s(self, steps):
        images, started = 0, time.perf_counter()
        for background, composite, mask, depth in itertools.islice(self.epochs, steps):
            prediction = self.model(background.to(self.device), composite.to(self.device))
            loss = loss_of(prediction, mask.to(self.device), depth.to(self.device))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss.item()
            images += len(mask)
        return images / (time.perf_counter() - started)


def rates(ways, steps, rounds):
    """The images a second of each way in each round, timed in turns.

    Args:
        ways: by name, what creates one.
        steps: of training, each time.
        rounds: in each of which every way has its turn.
    """
    found = {name: [] for name in ways}
    with ExitStack() as stack:
        servers = {
            name: WorkerProcess(serve, create, torch.get_num_threads())
            for name, create in ways.items()
        }
        for server in servers.values():
            stack.callback(server.end)
        for turn in range(rounds + 1):
            for name, server in servers.items():
                server.connection.send(steps if turn else WARM_UP_STEPS)
                answer = server.connection.recv()
                if turn:
                    found[name].append(answer)
    return found


def serve(connection, create, threads):
    torch.set_num_threads(threads)
    way = create()
    answer_all(connection, way.images_per_s)
