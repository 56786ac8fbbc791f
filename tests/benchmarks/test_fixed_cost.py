"""What a cell costs beside its training steps."""

import time
from collections import Counter

import pytest
import torch

import architectures
from bench.evaluation.score import score
from bench.execution.run import run
from bench.settings.grid_file import load
from bench.study.study import Study


class Clock:
    """The time that goes by in some functions, and how often they are called."""

    def __init__(self):
        self.seconds = 0.0
        self.calls = Counter()

    def timed(self, function):
        def run(*arguments, **options):
            self.calls[function.__name__] += 1
            started = time.perf_counter()
            found = function(*arguments, **options)
            self.seconds += time.perf_counter() - started
            return found

        return run


@pytest.fixture
def aside(monkeypatch):
    """Times what no harness can save: constructing the network, and its predictions."""
    clock = Clock()
    monkeypatch.setattr(architectures, "create", clock.timed(architectures.create))
    scored = clock.timed(score)
    monkeypatch.setattr("bench.training.validation.score", scored)
    monkeypatch.setattr("bench.execution.cell_training.score", scored)
    return clock


@pytest.fixture
def grid_of(rendered_archive, tmp_path):
    """Writes a grid of two steps a cell; gives its file, and a folder for the study."""

    def write(name, seeds):
        path = tmp_path / f"{len(seeds)}.yaml"
        path.write_text(
            f"architectures: [{name}]\nlosses: [bce]\nseeds: {seeds}\n"
            f"data: {{archive: {rendered_archive}, image_size: 64}}\n"
            "train: {steps: 2, batch_size: 8}\n"
            "keep: {weights: none}\n"  # up to 260 MB: that is the disk's time
        )
        return path, path.with_suffix("")

    return write


def fixed_cost_s(grid_file, folder, aside):
    """The seconds of each cell that are neither training steps nor set aside.

    With opening the data, and the trivial baselines.
    """
    question, study = load(grid_file), Study(folder)
    before, started = aside.seconds, time.perf_counter()
    run(question, study, device=torch.device("cpu"), throughput=False)
    run_s = time.perf_counter() - started
    records = [record for record in study.load().records.values() if record.training is not None]
    train_s = sum(epoch.train_s for record in records for epoch in record.training.curve)
    return (run_s - train_s - (aside.seconds - before)) / len(records)


def test_what_is_set_aside_is_called_where_it_is_timed(aside, grid_of, tiny_network):
    """No benchmark: among the other tests it sees that the functions are still those of a run."""
    assert fixed_cost_s(*grid_of(tiny_network, seeds=[0]), aside) > 0
    assert aside.calls == {"create": 1, "score": 2}  # validation images once, test images once


@pytest.mark.benchmark(group="a cell beside its training steps")
@pytest.mark.parametrize("name", ["unet", "resnet50_upproj", "autoencoder", "densenet"])
def test_a_cell_costs_at_most_a_second(benchmark, figure, aside, grid_of, name):
    fixed_cost_s(*grid_of(name, seeds=[0]), aside)  # the first of the process
    others = grid_of(name, seeds=[1, 2, 3, 4, 5])
    found = benchmark.pedantic(fixed_cost_s, (*others, aside), rounds=1)
    assert figure(f"{name}: a cell's fixed cost, s", found, at_most=1)
