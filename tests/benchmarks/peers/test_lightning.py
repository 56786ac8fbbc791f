"""The harness beside Lightning's Trainer: same network, data, precision and batch, its defaults."""

import time
from functools import partial

import pytest
import torch
from loops import LEARNING_RATE, Harness, create, load_batches, loss_of
from torch.utils.data import DataLoader, TensorDataset

from architectures import torchvision_ops
from bench.archives import render
from bench.machine.device import synchronize

torchvision_ops.define_missing()  # before Lightning imports torchvision

import lightning  # noqa: E402

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
NETWORKS = ("unet", "resnet50_upproj", "autoencoder", "densenet")


class Module(lightning.LightningModule):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def training_step(self, batch, _):
        background, composite, mask, depth = batch
        return loss_of(self.model(background, composite), mask, depth)

    def configure_optimizers(self):
        # Not fused: of such an optimizer Lightning refuses to clip the gradients.
        return torch.optim.AdamW(self.model.parameters(), lr=LEARNING_RATE)


class Lightning:
    def __init__(self, name, archive, device, size=64, batch_size=16):
        self.module = Module(create(name, device, size))
        self.batch_size = batch_size
        batches = load_batches(archive, device, size, batch_size)
        images = zip(*(batch[:4] for batch in batches), strict=True)
        self.data = TensorDataset(*(torch.cat(parts).cpu() for parts in images))

    def images_per_s(self, steps):
        clock = Clock()
        trainer = lightning.Trainer(
            max_steps=steps,
            max_epochs=-1,
            precision="bf16-mixed",
            gradient_clip_val=1.0,
            callbacks=[clock],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        loader = DataLoader(self.data, batch_size=self.batch_size, shuffle=True, drop_last=True)
        trainer.fit(self.module, loader)
        return steps * self.batch_size / clock.seconds


class Clock(lightning.Callback):
    """The time from the first batch to the last: what it takes to start is left out."""

    def on_train_epoch_start(self, *_):
        if not hasattr(self, "started"):
            self.started = time.perf_counter()

    def on_train_end(self, *_):
        synchronize(DEVICE)
        self.seconds = time.perf_counter() - self.started


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archives") / "train.zip"
    render.make(path, backgrounds=8, foregrounds=8, placements=4, size=128, seed=0)
    return path


@pytest.mark.benchmark(group="the harness beside Lightning")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_harness_is_not_slower_than_lightning(race, archive, name):
    work = (name, archive, DEVICE)
    ways = {"harness": partial(Harness, *work), "Lightning": partial(Lightning, *work)}
    race(name, ways, steps=8 if DEVICE.type == "cpu" else 200, rounds=3, at_least=1)
