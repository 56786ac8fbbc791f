"""A training that is ended goes on from its checkpoint, and ends as if nothing had happened."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from architectures import Prediction
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.events import EpochDone, StepDone
from bench.machine.memory import PeakMemory
from bench.settings import LossPair, Split, Train
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoints, Interrupted
from bench.training.fit import Trainer
from bench.training.teacher import StudentTeacher

CPU = torch.device("cpu")
IDENTITY = "one training"
OTHERWISE = "no checkpoints: the network has more than tensors, or others than when it was built"


FREEZES_AT = 3  # steps


class Network(nn.Module):
    """With all that a state has: statistics, dropout, tied weights, a buffer of no file.

    It draws from the global generators of torch, NumPy and Python while it trains.
    It freezes a part of itself after some steps.
    """

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.body = nn.Sequential(
                nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.3)
            )
            self.mask, self.depth = nn.Conv2d(8, 1, 1), nn.Conv2d(8, 1, 1)
        self.depth.weight = self.mask.weight
        self.register_buffer("steps", torch.zeros(()), persistent=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, background, composite):
        if self.training:
            self.steps += 1
            if self.steps == FREEZES_AT:
                self.body[0].weight.requires_grad_(requires_grad=False)
        features = self.body(torch.cat((background, composite), 1)) * (1 + 0.01 * self.steps)
        if self.training:
            features = features * (1 + 0.1 * random.gauss() + 0.1 * np.random.randn())  # noqa: NPY002
        return Prediction(self.mask(features), self.depth(features))


@pytest.fixture
def create_trainer(rendered_archive):
    dataset = open_dataset([rendered_archive], (48, 48))
    small = open_dataset([rendered_archive], (32, 32))
    split = split_rows(dataset.samples, Split(), dataset.fingerprint)

    def create_trainer(**more):
        loaders = {d.size: BatchLoader(d, CPU) for d in (dataset, small)}
        memory, tasks = PeakMemory(CPU), ("mask", "depth")
        return Trainer(loaders, dataset.size, split, 0, CPU, memory=memory, tasks=tasks, **more)

    return create_trainer


def outcome(model, training):
    """All that two trainings have to have in common to the last bit."""
    curve = [epoch.model_dump(exclude={"train_s"}) for epoch in training.curve]
    executions = [e.model_dump(exclude={"data_wait_share"}) for e in training.executions]
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    return curve, training.terms, executions, training.samples_seen, weights


@pytest.fixture
def every_step(monkeypatch):
    """Checkpoints however long they take."""
    monkeypatch.setattr(checkpoint, "MAX_SHARE", math.inf)


@pytest.fixture
def stop_at(create_trainer, tmp_path, every_step):
    """Trains, is stopped after some of its steps, and goes on each time."""

    def stop_at(steps, pair, recipes, create=Network):
        left = list(steps)
        while True:
            done = []

            def listen(event, done=done):
                if isinstance(event, StepDone):
                    done.append(event.step)

            made = Checkpoints(
                tmp_path / "checkpoint",
                IDENTITY,
                interval_s=0,
                must_stop=lambda done=done: bool(left and done and done[-1] >= left[0]),
            )
            model = create(seed=1)  # what it begins with is replaced
            if left == list(steps):
                model = create()
            torch.manual_seed(len(left))
            try:
                return model, create_trainer(checkpoints=made, listen=listen).fit(
                    model, pair, recipes
                )
            except Interrupted:
                left.pop(0)

    return stop_at


RECIPES = {
    "as it comes": ("bce", {"epochs": 3}),
    "augmented": ("bce", {"epochs": 3, "flip": True, "color_jitter": 0.2}),
    "plain descent": ("l1", {"epochs": 3, "optimizer": "sgd", "schedule": "constant"}),
    "cosine": ("bce", {"epochs": 3, "schedule": "cosine", "optimizer": "adamw"}),
    "accumulated": ("bce", {"epochs": 3, "accumulate": 2}),
    "uncertainty": (
        {"mask": "bce", "depth": "l1", "balance": {"method": "uncertainty"}},
        {"epochs": 3},
    ),
    "equal scale": (
        {"mask": "bce + dice", "depth": "l1", "balance": {"method": "equal_scale"}},
        {"epochs": 3},
    ),
    "stages": (
        "bce",
        {
            "stages": [
                {"epochs": 1, "image_size": [32, 32], "freeze": ["depth"]},
                {"epochs": 2, "losses": {"mask": "bce", "depth": "mse"}},
            ]
        },
    ),
}


@pytest.mark.parametrize("name", RECIPES)
def test_it_ends_to_the_last_bit_as_an_uninterrupted_one(name, create_trainer, stop_at):
    losses, settings = RECIPES[name]
    pair = LossPair.model_validate(losses)
    recipes = Train(**{"batch_size": 4, "precision": "float32"} | settings).recipes()
    model = Network()
    torch.manual_seed(0)
    expected = outcome(model, create_trainer().fit(model, pair, recipes))
    assert outcome(*stop_at((1, 4, 5, 11, 16), pair, recipes)) == expected


def test_so_does_one_whose_masks_a_teacher_judges(create_trainer, stop_at):
    def create(seed=0):
        return StudentTeacher(Network(seed), Network(7))

    pair = LossPair.model_validate({"mask": "bce", "depth": "l1"})
    recipes = Train(epochs=2, batch_size=4, precision="float32").recipes()
    model = create()
    expected = outcome(model, create_trainer().fit(model, pair, recipes))
    assert outcome(*stop_at((2, 9), pair, recipes, create)) == expected


def test_one_of_other_settings_data_or_code_is_not_taken(tmp_path):
    state = {"progress": {"stage": 1}, "model": {"weight": torch.ones(2)}}
    Checkpoints(tmp_path / "a", IDENTITY, interval_s=0).write(state)
    assert Checkpoints(tmp_path / "a", "another", interval_s=0).read(CPU) is None
    kept = Checkpoints(tmp_path / "a", IDENTITY, interval_s=0).read(CPU)
    assert kept["progress"] == {"stage": 1}
    assert torch.equal(kept["model"]["weight"], torch.ones(2))


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "no checksums"])
def test_a_damaged_one_is_as_if_it_were_not_there(damage, tmp_path):
    made = Checkpoints(tmp_path / "a", IDENTITY, interval_s=0)
    made.write({"model": {"weight": torch.arange(1000.0)}})
    file = tmp_path / "a" / checkpoint.FILE
    content = bytearray(file.read_bytes())
    match damage:
        case "cut":
            file.write_bytes(content[:-100])
        case "flipped":
            content[-7] ^= 1
            file.write_bytes(content)
        case "gone":
            file.unlink()
        case "no checksums":
            (tmp_path / "a" / "SHA256SUMS").unlink()
    assert made.read(CPU) is None


def test_a_state_comes_back_as_it_was(tmp_path):
    state = {
        "numbers": [1, 0.1, None, True, "text", [], {}],
        "tensors": {"a": torch.rand(2, 3).to(torch.bfloat16), "b": [torch.tensor(2**53 + 1)]},
        "optimizer": {"state": {"0": {"step": torch.tensor(3.0)}}},
    }
    made = Checkpoints(tmp_path / "a", IDENTITY, interval_s=0)
    made.write(state)
    kept = made.read(CPU)
    assert kept["numbers"] == state["numbers"]
    assert torch.equal(kept["tensors"]["a"], state["tensors"]["a"])
    assert kept["tensors"]["b"][0].item() == 2**53 + 1
    assert kept["optimizer"]["state"]["0"]["step"] == 3


def test_writing_takes_no_more_than_its_share_of_the_time(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    made = Checkpoints(tmp_path / "a", IDENTITY, interval_s=60)
    assert not made.is_due()
    clock[0] = 60.0
    assert made.is_due()

    def slow(_state):
        clock[0] += 1.0

    monkeypatch.setattr(made, "_write", slow)
    made.write({})
    clock[0] = 61.0 + 199.0
    assert not made.is_due()  # one second in two hundred is half a percent
    clock[0] = 61.0 + 200.0
    assert made.is_due()


def test_where_none_can_be_written_that_is_said_once_and_training_goes_on(tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = []
    made = Checkpoints(tmp_path / "file" / "a", IDENTITY, interval_s=0, remark=said.append)
    for _ in range(3):
        if made.is_due():
            made.write({})
    assert len(said) == 1
    assert said[0].startswith("no checkpoints: ")


def test_a_network_whose_state_is_more_than_tensors_is_trained_without(create_trainer, tmp_path):
    class Stateful(Network):
        def get_extra_state(self):
            return {1, 2}

        def set_extra_state(self, state):
            pass

    said = []
    made = Checkpoints(tmp_path / "a", IDENTITY, interval_s=0, remark=said.append)
    recipes = Train(epochs=1, batch_size=4, precision="float32").recipes()
    create_trainer(checkpoints=made).fit(Stateful(), LossPair.model_validate("bce"), recipes)
    assert said == [OTHERWISE]


def test_a_network_whose_tensors_change_while_it_trains_is_trained_without(
    create_trainer, tmp_path, every_step
):
    class Changing(Network):
        def forward(self, background, composite):
            if not hasattr(self, "mean"):
                self.register_buffer("mean", composite.mean().detach())
            return super().forward(background, composite - self.mean)

    said = []
    made = Checkpoints(tmp_path / "a", IDENTITY, interval_s=0, remark=said.append)
    recipes = Train(epochs=1, batch_size=4, precision="float32").recipes()
    create_trainer(checkpoints=made).fit(Changing(), LossPair.model_validate("bce"), recipes)
    assert said == [OTHERWISE]
    assert not (tmp_path / "a").exists()


def test_a_training_without_checkpoints_can_be_stopped_too(create_trainer, tmp_path):
    made = Checkpoints(tmp_path / "a", IDENTITY, interval_s=None, must_stop=lambda: True)
    recipes = Train(epochs=1, batch_size=4, precision="float32").recipes()
    with pytest.raises(Interrupted):
        create_trainer(checkpoints=made).fit(Network(), LossPair.model_validate("bce"), recipes)
    assert not (tmp_path / "a").exists()


def test_a_buffer_that_comes_into_being_after_the_best_epoch_does_no_harm(create_trainer):
    class Late(Network):
        def forward(self, background, composite):
            prediction = super().forward(background, composite)
            if self.training and len(epochs) == 1:
                self.register_buffer("late", torch.zeros(()), persistent=False)
            return prediction._replace(
                mask_logits=prediction.mask_logits - 50 * hasattr(self, "late")
            )

    epochs, pair = [], LossPair.model_validate({"mask": "bce"})
    recipes = Train(epochs=2, batch_size=4, precision="float32").recipes()
    trainer = replace(create_trainer(), tasks=("mask",))
    trainer = replace(trainer, listen=lambda e: epochs.append(e) if isinstance(e, EpochDone) else 0)
    training = trainer.fit(Late(), pair, recipes)
    assert [epoch.selected for epoch in training.curve] == [True, False]
