import functools

import pytest
import torch
from torch import nn

from architectures import Prediction
from bench import compilation
from bench.data.batches import Batch
from bench.objectives import Objectives
from bench.settings import LossPair, Recipe


class Network(nn.Module):
    def __init__(self, width=1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(6, width, 1), nn.Conv2d(width, 2, 1), nn.BatchNorm2d(2)
        )

    def forward(self, background, composite):
        return Prediction(*self.layers(torch.cat([background, composite], 1)).split(1, dim=1))


@pytest.fixture
def batch():
    return Batch(*(torch.rand(2, channels, 8, 8) for channels in (3, 3, 1, 1, 1)))


class Compiled(nn.Module):
    def __init__(self, model, mode):
        super().__init__()
        self.model, self.mode = model, mode


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
    ("milliseconds", "steps", "taken", "reason"),
    [
        ((10,), 100, None, "not for 1 s of training"),
        ((10, 5, 6), 10**6, "compiled", "5.0 ms compiled, 6.0 ms in CUDA graphs"),
        ((10, 5, 4), 10**6, "in CUDA graphs", "5.0 ms compiled, 4.0 ms in CUDA graphs"),
        ((10, 9.9, 11), 10**6, None, "9.9 ms compiled, 11.0 ms in CUDA graphs"),
    ],
)
def test_on_cuda_the_fastest_is_taken_if_there_is_enough_to_do(
    monkeypatch, milliseconds, steps, taken, reason
):
    left = [value / 1000 for value in milliseconds]
    monkeypatch.setattr(compilation, "_step_s", lambda *_: left.pop(0))
    model, meta = Network(), torch.device("meta")
    monkeypatch.setattr(compilation, "DEVICES", ("meta",))
    batch = Batch(*(torch.rand(2, 1, 8, 8, device=meta) for _ in range(5)))
    monkeypatch.setattr(torch, "compile", Compiled)
    found = choose(model, batch, steps=steps)
    assert getattr(found.network, "mode", "plain") == compilation.MODES.get(taken, "plain")
    assert found.reason.removeprefix("10.0 ms a step plainly, ") == reason


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
    assert found.reason == (
        "1000.0 ms a step plainly, not compiled: no compiler, not in CUDA graphs: no compiler"
    )


def test_the_twelfth_network_is_compiled_like_the_first(batch, monkeypatch):
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    for width in range(1, 13):
        network = Network(width)
        choose(network, batch, compile="on").network(batch.background, batch.composite)
    assert len(graphs) == 12


def test_a_probe_leaves_weights_and_statistics_as_they_were(batch, monkeypatch):
    monkeypatch.setattr(compilation, "DEVICES", ("cpu",))
    model = Network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert choose(model, batch, steps=1).reason == "not for 0 s of training"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
