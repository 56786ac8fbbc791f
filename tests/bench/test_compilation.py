import pytest
import torch
from torch import nn

from architectures import Prediction
from bench import compilation
from bench.data.batches import Batch
from bench.objectives import Objectives
from bench.settings import LossPair, Recipe


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(6, 2, 1), nn.BatchNorm2d(2))

    def forward(self, background, composite):
        return Prediction(*self.layers(torch.cat([background, composite], 1)).split(1, dim=1))


@pytest.fixture
def batch():
    return Batch(*(torch.rand(2, channels, 8, 8) for channels in (3, 3, 1, 1, 1)))


def choose(model, batch, steps=10, **settings):
    recipe = Recipe(steps=1, precision="float32", **settings)
    return compilation.choose(model, Objectives(LossPair(mask="bce")), recipe, batch, steps)


def test_what_is_asked_for_is_done(batch):
    model = Network()
    assert choose(model, batch, compile="off").network is model
    compiled = choose(model, batch, compile="on").network
    assert compiled is not model
    assert {p.data_ptr() for p in compiled.parameters()} == {
        p.data_ptr() for p in model.parameters()
    }


def test_on_a_cpu_nothing_is_chosen_by_the_clock(batch, monkeypatch):
    monkeypatch.setattr(compilation, "_step_s", None)
    model = Network()
    found = choose(model, batch, steps=10**9)
    assert found.network is model
    assert found.reason == "not on a CPU, so that runs agree to the last digit"


@pytest.mark.parametrize(
    ("seconds", "steps", "compiles", "reason"),
    [
        ((0.01, 0.005), 100, False, "not for 1 s of training"),
        ((0.01, 0.005), 100_000, True, "10.0 ms a step plainly, 5.0 ms compiled"),
        ((0.01, 0.0099), 100_000, False, "10.0 ms a step plainly, 9.9 ms compiled"),
    ],
)
def test_on_cuda_the_faster_is_taken_if_there_is_enough_to_do(
    monkeypatch, seconds, steps, compiles, reason
):
    left = list(seconds)
    monkeypatch.setattr(compilation, "_step_s", lambda *_: left.pop(0))
    model, meta = Network(), torch.device("meta")
    monkeypatch.setattr(compilation, "DEVICES", ("meta",))
    batch = Batch(*(torch.rand(2, 1, 8, 8, device=meta) for _ in range(5)))
    found = choose(model, batch, steps=steps)
    assert (found.network is not model) == compiles
    assert found.reason == reason


def test_a_network_that_cannot_be_compiled_is_trained_plainly(monkeypatch):
    def step_s(model, *_):
        if not isinstance(model, Network):
            raise RuntimeError("no\ncompiler")  # noqa: TRY004 - what a compiler may raise
        return 1.0

    monkeypatch.setattr(compilation, "_step_s", step_s)
    monkeypatch.setattr(compilation, "DEVICES", ("meta",))
    batch = Batch(*(torch.rand(2, 1, 8, 8, device="meta") for _ in range(5)))
    model = Network()
    found = choose(model, batch, steps=10**6)
    assert found.network is model
    assert found.reason == "it cannot be: no compiler"


def test_a_probe_leaves_weights_and_statistics_as_they_were(batch, monkeypatch):
    monkeypatch.setattr(compilation, "DEVICES", ("cpu",))
    model = Network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert choose(model, batch, steps=1).reason == "not for 0 s of training"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
