"""Trainings as long as a budget says: in samples, in operations, in seconds."""

import math

import pytest
import torch

import architectures
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.errors import TrainingError
from bench.events import EpochDone, StepDone
from bench.machine.memory import PeakMemory
from bench.settings import LossPair, Split, Train
from bench.training.fit import Trainer
from bench.training.step import train_step

CPU = torch.device("cpu")
# Of one image of 32 px: two convolutions of 5 x 5, from 6 to 8 channels and from 8 to 2. Training
# also takes the gradients of their weights, and that of the second one's input.
FIRST, SECOND = (2 * 25 * before * after * 32 * 32 for before, after in ((6, 8), (8, 2)))
OF_AN_IMAGE = 2 * FIRST + 3 * SECOND


@pytest.fixture
def fit(rendered_archive, tiny_network):
    """Trains on 22 images; gives the network, its training, and what was heard."""

    def fit(heard=(), *, stages=(), channels=8, batch_size=4, **settings):
        dataset = open_dataset([rendered_archive], (32, 32))
        split = split_rows(dataset.samples, Split(), dataset.fingerprint)
        assert len(split.train) == 22
        trainer = Trainer(
            {dataset.size: BatchLoader(dataset, CPU)},
            dataset.size,
            split,
            0,
            CPU,
            memory=PeakMemory(CPU),
            tasks=("mask", "depth"),
            listen=heard.append if isinstance(heard, list) else lambda _: None,
        )
        model = architectures.create(tiny_network, seed=0, channels=channels)
        recipes = Train(batch_size=batch_size, stages=stages, **settings).recipes()
        return model, trainer.fit(model, LossPair.model_validate("bce"), recipes)

    return fit


def steps(training):
    return [epoch.step for epoch in training.curve]


@pytest.mark.parametrize(
    ("samples", "batch_size", "expected"),
    [(4, 4, [1]), (5, 4, [2]), (20, 4, [5]), (25, 4, [5, 7]), (23, 100, [1, 2])],
)
def test_a_budget_of_samples_is_met_by_whole_batches(fit, samples, batch_size, expected):
    _, training = fit(budget={"samples": samples}, batch_size=batch_size)
    assert steps(training) == expected
    assert training.samples_seen == expected[-1] * min(batch_size, 22)


def test_whatever_the_budget_it_is_told_how_many_images_all_stages_saw(fit):
    _, training = fit(stages=[{"epochs": 2}, {"steps": 3, "batch_size": 5}])
    assert training.samples_seen == 2 * 20 + 3 * 5
    assert training.flops is None


@pytest.mark.parametrize(("channels", "expected"), [(8, 4), (16, 2)])
def test_a_budget_of_operations_is_met_by_whole_steps_of_each_network(fit, channels, expected):
    # 16 channels take twice the operations of 8.
    step = 4 * OF_AN_IMAGE * channels // 8
    _, training = fit(budget={"flops": 3.4 * 4 * OF_AN_IMAGE}, channels=channels)
    assert steps(training) == [expected]
    assert training.flops == expected * step


def test_what_is_frozen_takes_fewer_operations(fit):
    _, training = fit(budget={"flops": 1}, stages=[{"freeze": ["layers.0"]}])
    assert training.flops == 4 * (FIRST + 3 * SECOND)  # a BatchNorm between them learns


def test_counting_operations_changes_nothing_that_training_depends_on(fit):
    counted, _ = fit(budget={"flops": 3.4 * 4 * OF_AN_IMAGE})
    plain, _ = fit(steps=4)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, counted.state_dict()[name]), name


def test_a_network_whose_operations_cannot_be_counted_is_told_so(fit, monkeypatch):
    monkeypatch.setattr("bench.training.flops.count", lambda run: (0, {"exp"}))
    with pytest.raises(TrainingError, match=r"budget.flops: no operation of the network can be"):
        fit(budget={"flops": 1e9})


@pytest.fixture
def clock(monkeypatch):
    """A clock by which a step takes one second and a validation a hundred; and the rates."""
    now, rates = [1000.0], []

    def step(model, objectives, optimizer, *arguments, **options):
        now[0] += 1
        rates.append(optimizer.param_groups[0]["lr"])
        return train_step(model, objectives, optimizer, *arguments, **options)

    def validate(*arguments):
        now[0] += 100
        return {"iou": 0.5, "rmse": 0.5}

    monkeypatch.setattr("bench.training.stage.time.perf_counter", lambda: now[0])
    monkeypatch.setattr("bench.training.stage.train_step", step)
    monkeypatch.setattr("bench.training.stage.validate", validate)
    return rates


def test_a_budget_of_seconds_is_of_training_alone(fit, clock):
    heard = []
    _, training = fit(heard, budget={"seconds": 12})
    assert steps(training) == [5, 10, 12]
    assert [epoch.train_s for epoch in training.curve] == [5, 5, 2]
    assert training.samples_seen == 12 * 4
    told = [(e.step, e.total) for e in heard if isinstance(e, StepDone)]
    assert told == [(5, 12), (10, 12), (12, 12)]
    assert [(e.number, e.total) for e in heard if isinstance(e, EpochDone)] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]


def test_the_rate_moves_by_the_share_of_the_seconds_that_is_used(fit, clock):
    fit(budget={"seconds": 8}, schedule="cosine", learning_rate=1.0)
    shares = [step / 8 for step in range(8)]
    assert clock == pytest.approx([(1 + math.cos(math.pi * share)) / 2 for share in shares])


def test_one_cycle_comes_to_its_end_with_the_seconds(fit, clock):
    fit(budget={"seconds": 8}, learning_rate=1.0)
    by_the_clock = list(clock)
    clock.clear()
    fit(steps=1000, learning_rate=1.0)
    assert by_the_clock == pytest.approx([clock[125 * number] for number in range(8)])


def test_each_stage_has_the_seconds_of_its_own_budget(fit, clock):
    heard = []
    _, training = fit(
        heard, stages=[{"steps": 3}, {"budget": {"seconds": 2}}, {"budget": {"seconds": 4}}]
    )
    assert [(epoch.stage, epoch.step) for epoch in training.curve] == [(0, 3), (1, 2), (2, 4)]
    told = [(e.step, e.total) for e in heard if isinstance(e, StepDone)]
    assert told == [(3, 9), (5, 9), (9, 9)]


def test_a_budget_that_a_single_step_exceeds_still_makes_that_step(fit, clock):
    _, training = fit(budget={"seconds": 0.1})
    assert steps(training) == [1]
