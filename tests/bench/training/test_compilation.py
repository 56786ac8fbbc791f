import functools
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from architectures import Prediction
from bench.data.batches import Batch
from bench.machine.memory import PeakMemory
from bench.settings import LossPair, Recipe
from bench.study.record import Execution
from bench.training import compilation
from bench.training.compilation import FORMS, PROBE_STEPS, Compiling
from bench.training.duration import Duration
from bench.training.multitask_loss import MultiTaskLoss

CPU, META = torch.device("cpu"), torch.device("meta")


class Network(nn.Module):
    def __init__(self, width=1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(6, width, 1), nn.Conv2d(width, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.5)
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


def compiling(model, steps=10, device=CPU, memory=None, precedent=None, **settings):
    recipe = Recipe(steps=1, precision="float32", **settings)
    return Compiling(
        model,
        MultiTaskLoss(LossPair(mask="bce")),
        recipe,
        device,
        duration=Duration(steps, steps),
        memory=memory or PeakMemory(CPU),
        precedent=precedent,
    )


@pytest.fixture
def decided(monkeypatch, batch):
    """What came of the first steps of a training, on a device where compiling can pay."""

    def decide(model, steps, device=META, **settings):
        monkeypatch.setattr(compilation, "DEVICES", (device.type,))
        found = compiling(model, steps, device, **settings)
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
    assert found.form == taken
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
        "plain 1000.0 ms a step, compiled: RuntimeError: no compiler, "
        "in CUDA graphs: RuntimeError: no compiler"
    )


def test_a_probe_leaves_weights_and_statistics_as_they_were(decided, monkeypatch):
    for name in ("compiled", "in CUDA graphs"):
        monkeypatch.setitem(FORMS, name, Compiled)
    model = Network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert decided(model, steps=10**12, device=CPU).reason.startswith("plain ")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_probe_draws_no_random_numbers_and_its_memory_does_not_count(decided, monkeypatch):
    for name in ("compiled", "in CUDA graphs"):
        monkeypatch.setitem(FORMS, name, Compiled)

    class Memory:
        ignored = 0

        @contextmanager
        def ignoring(self):
            self.ignored += 1
            yield

    model, memory = Network(), Memory()
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    found = decided(model, steps=10**12, device=CPU, memory=memory)
    assert found.reason.startswith("plain ")
    assert torch.equal(torch.rand(1), expected)
    assert memory.ignored == 1


@pytest.mark.parametrize("form", FORMS)
def test_later_cells_take_the_form_of_the_first_at_the_same_step(decided, monkeypatch, form):
    monkeypatch.setattr(Compiling, "_step_s", None)  # nothing is tried
    for name in ("compiled", "in CUDA graphs"):
        monkeypatch.setitem(FORMS, name, type(name, (Compiled,), {}))
    precedent = Execution(
        data_location="device",
        data_wait_share=0,
        accumulation_steps=1,
        checkpointing=False,
        compiled=form != "plain",
        cuda_graphs=form == "in CUDA graphs",
        compilation="plain 10.0 ms a step, ...",
    )
    for steps in (21, 10**12):  # whatever the clock says
        found = decided(Network(), steps=steps, precedent=precedent)
        assert found.form == form
        assert type(found.network).__name__ == ("Network" if form == "plain" else form)
        assert found.reason == "as in an earlier cell of this network"


def test_what_the_recipe_says_is_done_whatever_an_earlier_cell_did():
    precedent = Execution(
        data_location="device",
        data_wait_share=0,
        accumulation_steps=1,
        checkpointing=False,
        compiled=True,
        compilation="as the recipe says",
    )
    model = Network()
    assert compiling(model, compile="off", precedent=precedent).network is model


def test_forms_are_tried_on_what_a_step_sees_at_once(decided, monkeypatch):
    """And without CUDA graphs, whose gradients the next micro-batch would overwrite."""
    tried = []

    def step_s(_, model, batch):
        tried.append((type(model).__name__, len(batch.mask)))
        return 1.0

    monkeypatch.setattr(Compiling, "_step_s", step_s)
    monkeypatch.setitem(FORMS, "compiled", Compiled)
    decided(Network(), steps=10**12, batch_size=4, accumulate=2)
    assert tried == [("Network", 1), ("Compiled", 1)]


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
