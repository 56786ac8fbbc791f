"""Stages, freezing and the teacher."""

import pytest
import torch
from torch import nn

import architectures
from architectures import Prediction
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.errors import TrainingError
from bench.evaluation.metrics.rmse import rmse
from bench.evaluation.score import score
from bench.machine.memory import PeakMemory
from bench.settings import LossPair, Split, Train
from bench.training.fit import Trainer
from bench.training.freezing import check_parts
from bench.training.teacher import StudentTeacher

CPU = torch.device("cpu")


@pytest.fixture
def trainer(rendered_archive):
    datasets = {size: open_dataset([rendered_archive], size) for size in ((32, 32), (48, 48))}
    split = split_rows(datasets[32, 32].samples, Split(), "f")
    loaders = {size: BatchLoader(dataset, CPU) for size, dataset in datasets.items()}
    memory = PeakMemory(CPU)
    return Trainer(loaders, (48, 48), split, 0, CPU, memory=memory, tasks=("mask", "depth"))


@pytest.fixture
def unet():
    return architectures.create("unet", width=0.0625)


def train(model, trainer, **settings):
    settings = {"batch_size": 8, "precision": "float32"} | settings
    return trainer.fit(model, LossPair(mask="bce", depth="l1"), Train(**settings).recipes())


def parts(model):
    """What each part of a U-Net holds, running statistics included."""
    return {
        part: torch.cat(
            [value.flatten().float() for name, value in model.state_dict().items() if part in name]
        ).clone()
        for part in ("trunk", "branches.mask", "branches.depth")
    }


def test_a_frozen_part_keeps_its_weights_and_statistics(trainer, unet):
    before = parts(unet)
    stage = {"epochs": 1, "freeze": ["trunk", "branches.depth"], "losses": {"mask": "bce"}}
    train(unet, trainer, stages=[stage])
    after = parts(unet)
    changed = [part for part in before if not torch.equal(before[part], after[part])]
    assert changed == ["branches.mask"]


def test_stages_follow_each_other_with_their_own_size_and_losses(trainer, unet, monkeypatch):
    sizes = []
    original = BatchLoader._read
    monkeypatch.setattr(
        BatchLoader,
        "_read",
        lambda loader, rows: sizes.append(loader.dataset.size) or original(loader, rows),
    )
    fit = train(
        unet,
        trainer,
        stages=[
            {"steps": 2, "image_size": 32, "losses": {"depth": "l1"}},
            {"epochs": 2, "losses": {"mask": "bce + 0.01*l1"}},
        ],
    )
    assert [(epoch.stage, epoch.step) for epoch in fit.curve] == [(0, 2), (1, 2), (1, 4)]
    assert [list(epoch.losses) for epoch in fit.curve] == [["depth"], ["mask"], ["mask"]]
    assert sizes[:2] == [(32, 32)] * 2
    assert set(sizes[2:]) == {(48, 48)}
    assert not fit.curve[0].selected
    assert [(t.stage, t.task, t.term) for t in fit.terms] == [
        (0, "depth", "l1"),
        (1, "mask", "bce"),
        (1, "mask", "l1"),
    ]
    bce, l1 = fit.terms[1:]
    assert 0.3 < bce.start < 2
    assert 0.001 < l1.start < 0.01  # its weight counts


def test_what_was_frozen_learns_again_in_a_later_stage(trainer, unet):
    before = parts(unet)
    stages = [{"steps": 1, "freeze": ["*"]}, {"steps": 1}]
    with pytest.raises(TrainingError, match=r"freeze: \* leaves nothing"):
        train(unet, trainer, stages=stages)
    stages[0]["freeze"] = ["trunk"]
    train(unet, trainer, stages=stages)
    assert not torch.equal(before["trunk"], parts(unet)["trunk"])


def test_a_part_that_does_not_exist_is_named_with_those_that_do(trainer, unet):
    line = r"no part 'trunc'; did you mean 'trunk'\? \(parts: trunk, branches\)"
    with pytest.raises(TrainingError, match=line):
        train(unet, trainer, epochs=1, freeze=["trunc"])
    with pytest.raises(TrainingError, match=r"no part 'trunk'; there are none$"):
        check_parts(nn.Identity(), ["trunk"])


def test_a_stage_leaves_open_what_the_recipe_says():
    settings = Train(
        optimizer="sgd", learning_rate=0.5, stages=[{"epochs": 1}, {"steps": 3, "nesterov": True}]
    )
    first, second = settings.recipes()
    assert (first.optimizer, first.learning_rate, first.nesterov) == ("sgd", 0.5, False)
    assert (second.optimizer, second.learning_rate, second.nesterov) == ("sgd", 0.5, True)
    assert Train.model_validate_json(settings.model_dump_json()).recipes() == settings.recipes()


def test_one_cycle_follows_its_own_length_when_the_stage_cuts_it_off(trainer, unet, monkeypatch):
    rates = []
    original = torch.optim.SGD.step

    def step(self, *arguments):
        rates.append(self.param_groups[0]["lr"])
        return original(self, *arguments)

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    schedule = {
        "name": "one_cycle",
        "epochs": 11,
        "pct_start": 0.5,
        "anneal_strategy": "linear",
        "div_factor": 10,
    }
    train(unet, trainer, epochs=2, optimizer="sgd", learning_rate=1.0, schedule=schedule)
    # 2 steps an epoch: from 0.1 it rises to 1 in 22 / 2 - 1 = 10 steps, of which 4 are made.
    assert rates == pytest.approx([0.1, 0.19, 0.28, 0.37])


class Teacher(nn.Module):
    """Sees as depth how red a pixel is; a BatchNorm would drift if the teacher did not rest."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3, affine=True)

    def forward(self, background, composite):
        return Prediction(None, 4 * self.norm(composite)[:, :1] - 2)


class Student(nn.Module):
    """The same logit for every pixel."""

    def __init__(self, logit):
        super().__init__()
        self.logit = nn.Parameter(torch.tensor(logit))

    def forward(self, background, composite):
        return Prediction(self.logit.expand(len(composite), 1, *composite.shape[2:]), None)


def test_the_teacher_rests_while_the_student_learns(trainer):
    taught = StudentTeacher(Student(0.0), Teacher())
    before = {name: value.clone() for name, value in taught.state_dict().items()}
    trainer = Trainer(**(vars(trainer) | {"pseudo_label": taught.pseudo_label}))
    pair = LossPair(mask="0.1*sparsity", depth="l1")
    trainer.fit(taught, pair, Train(epochs=2, batch_size=8).recipes())
    after = taught.state_dict()
    assert [name for name in before if not torch.equal(before[name], after[name])] == [
        "student.logit"
    ]


def test_a_student_without_a_mask_and_a_teacher_without_depth_are_told_so(trainer):
    batch = trainer.loaders[48, 48].load(trainer.split.val)
    with pytest.raises(TrainingError, match="predicts no mask for the teacher"):
        StudentTeacher(Teacher(), Teacher())(batch.background, batch.composite)
    with pytest.raises(TrainingError, match="the teacher predicts no depth"):
        StudentTeacher(Student(0.0), Student(0.0)).pseudo_label(batch)


def test_the_student_is_taught_to_show_what_the_teacher_needs(trainer):
    taught = StudentTeacher(Student(0.0), Teacher())
    trainer = Trainer(**(vars(trainer) | {"pseudo_label": taught.pseudo_label}))
    settings = Train(epochs=5, batch_size=8, learning_rate=0.3)
    fit = trainer.fit(taught, LossPair(depth="l1"), settings.recipes())
    assert fit.curve[-1].losses["depth"] < 0.5 * fit.curve[0].losses["depth"]


def test_consistency_compares_the_teacher_with_itself(trainer):
    def consistency(logit):
        taught = StudentTeacher(Student(logit), Teacher())
        scores = score(
            taught,
            trainer.loaders[48, 48],
            trainer.split.test,
            batch_size=8,
            precision="float32",
            tasks=("depth",),
            pseudo_label=taught.pseudo_label,
        )
        return rmse.value(scores)

    assert consistency(30.0) == pytest.approx(0, abs=1e-6)
    assert consistency(-30.0) > 0.05
