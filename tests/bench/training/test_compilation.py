import functools

import pytest
import torch
from torch import nn

from architectures import Prediction
from bench.data.batches import Batch
from bench.settings import LossPair, Recipe
from bench.training import compilation
from bench.training.compilation import FORMS, PROBE_STEPS, Compiling
from bench.training.multitask_loss import MultiTaskLoss

CPU, META = torch.device("cpu"), torch.device("meta")


class Network(nn.Module):
    def __init__(self, width=1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(6, width, 1), nn.Conv2d(width, 2, 1), nn.BatchNorm2d(2)
        )

    def forward(self, background, composite):
        return Prediction(*self.layers(torch.cat([background, composite], 1)).split(1, dim=1))


class Compiled(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model


@pytest.fixture
def batch():
    return Batch(*(torch.rand(2, channels, 8, 8) for channels in (3, 3, 1, 1, 1)))


def compiling(model, steps=10, device=CPU, **settings):
    recipe = Recipe(steps=1, precision="float32", **settings)
    return Compiling(model, MultiTaskLoss(LossPair(mask="bce")), recipe, device, steps)


@pytest.fixture
def decided(monkeypatch, batch):
    """What came of the first steps of a training, on a device where compiling can pay."""

    def decide(model, steps, device=META):
        monkeypatch.setattr(compilation, "DEVICES", (device.type,))
        found = compiling(model, steps, device)
        for step in range(2 * PROBE_STEPS + 1):
            assert found.network is model
            found.before_step(step, batch)
        return found

    return decide


def test_what_is_asked_for_is_done():
    model = Network()
    assert compiling(model, compile="off").network is model
    compiled = compiling(model, compile="on").network
    assert compiled is not model
    assert {p.data_ptr() for p in compiled.parameters()} == {
        p.data_ptr() for p in model.parameters()
    }


def test_on_a_cpu_nothing_is_chosen_by_the_clock(batch, monkeypatch):
    monkeypatch.setattr(Compiling, "_step_s", None)
    model = Network()
    found = compiling(model, steps=10**9)
    for step in range(3 * PROBE_STEPS):
        found.before_step(step, batch)
    assert found.network is model
    assert found.reason == "skipped on a CPU, so that runs agree to the last digit"


def test_a_short_training_is_not_held_up(decided, monkeypatch):
    monkeypatch.setattr(Compiling, "_step_s", None)
    assert decided(Network(), steps=21).reason == "skipped: only 0 s of training"


@pytest.mark.parametrize(
    ("compiled_ms", "graphs_ms", "taken"),
    [(5, 6, "compiled"), (5, 4, "in CUDA graphs"), (9.9, 11, "plain")],
)
def test_in_a_long_training_the_fastest_is_taken(
    decided, monkeypatch, compiled_ms, graphs_ms, taken
):
    left = [0.01, compiled_ms / 1000, graphs_ms / 1000]
    monkeypatch.setattr(Compiling, "_step_s", lambda *_: left.pop(0))
    forms = {name: type(name, (Compiled,), {}) for name in FORMS if name != "plain"}
    for name, form in forms.items():
        monkeypatch.setitem(FORMS, name, form)
    model = Network()
    found = decided(model, steps=10**12)
    assert type(found.network) is forms.get(taken, Network)
    assert getattr(found.network, "model", model) is model
    assert found.reason == (
        f"plain 10.0 ms a step, compiled {compiled_ms:.1f} ms a step, "
        f"in CUDA graphs {graphs_ms:.1f} ms a step"
    )


def test_a_network_that_cannot_be_compiled_is_trained_plainly(decided, monkeypatch):
    def step_s(_, model, *__):
        if not isinstance(model, Network):
            raise RuntimeError("no\ncompiler")  # noqa: TRY004 - what a compiler may raise
        return 1.0

    monkeypatch.setattr(Compiling, "_step_s", step_s)
    model = Network()
    found = decided(model, steps=10**12)
    assert found.network is model
    assert found.reason == (
        "plain 1000.0 ms a step, compiled: no compiler, in CUDA graphs: no compiler"
    )


def test_a_probe_leaves_weights_and_statistics_as_they_were(decided, monkeypatch):
    for name in ("compiled", "in CUDA graphs"):
        monkeypatch.setitem(FORMS, name, Compiled)
    model = Network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert decided(model, steps=10**12, device=CPU).reason.startswith("plain ")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_twelfth_network_is_compiled_like_the_first(batch, monkeypatch):
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    monkeypatch.setitem(FORMS, "compiled", functools.partial(torch.compile, backend=backend))
    for width in range(1, 13):
        network = compiling(Network(width), compile="on").network
        network(batch.background, batch.composite)
    assert len(graphs) == 12
