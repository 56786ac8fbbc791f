"""A batch of 16 at 64 px through each loss, and through each network of the quick grid."""

import pytest
import torch

import architectures
import losses
from bench.data.batches import Batch
from bench.settings import LossPair, Train
from bench.training.multitask_loss import MultiTaskLoss
from bench.training.optimizer import create_optimizer
from bench.training.step import train_step

CPU = torch.device("cpu")
NETWORKS = ("unet", "resnet50_upproj", "autoencoder", "densenet")


@pytest.fixture
def batch():
    random = torch.Generator().manual_seed(0)
    images = torch.rand(2, 16, 64, 64, 3, generator=random).permute(0, 1, 4, 2, 3)
    maps = torch.rand(2, 16, 1, 64, 64, generator=random)
    return Batch(*images, (maps[0] > 0.8).float(), maps[1], torch.ones_like(maps[1]))


@pytest.mark.benchmark(group="a loss, forward and backward")
@pytest.mark.parametrize("name", losses.names())
def test_loss(benchmark, batch, name):
    objective = losses.parse(name)
    logits = torch.zeros_like(batch.depth, requires_grad=True)
    benchmark(lambda: objective(logits, batch.depth, batch.depth_valid).sum().backward())


@pytest.mark.benchmark(group="a training step")
@pytest.mark.parametrize("name", NETWORKS)
def test_training_step(benchmark, batch, name):
    settings = Train(epochs=1)
    network = architectures.create(name, width=0.25).to(memory_format=torch.channels_last)
    optimizer = create_optimizer(network, settings)
    objectives = MultiTaskLoss(LossPair(mask="bce", depth="bce"))
    benchmark.pedantic(
        lambda: train_step(network, objectives, optimizer, batch, settings, device=CPU),
        rounds=10,
        warmup_rounds=3,
    )


@pytest.mark.benchmark(group="inference")
@pytest.mark.parametrize("name", NETWORKS)
def test_inference(benchmark, batch, name):
    network = architectures.create(name, width=0.25).to(memory_format=torch.channels_last).eval()

    def predict():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            network(batch.background, batch.composite)

    benchmark.pedantic(predict, rounds=10, warmup_rounds=3)
