"""How batches are divided depends on the recipe and on what is recorded, and on nothing else."""

import pytest
import torch
from torch import nn

from architectures import Prediction
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.errors import TrainingError
from bench.machine.memory import PeakMemory
from bench.settings import LossPair, Recipe, Split
from bench.training.fit import Trainer
from bench.training.teacher import StudentTeacher

CPU = torch.device("cpu")
PAIR = LossPair(mask="bce", depth="bce")


class Network(nn.Module):
    """Runs out of memory in training when it sees more images at once than fit."""

    def __init__(self, *, fits=16, from_call=0):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(6, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 2, 1)
        )
        self.fits, self.from_call, self.seen = fits, from_call, []

    def forward(self, background, composite):
        if self.training:
            self.seen.append(len(composite))
        prediction = self.layers(torch.cat([background, composite], 1))
        if self.training and len(self.seen) > self.from_call and len(composite) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return Prediction(*prediction.split(1, dim=1))


def recipe(**settings):
    return Recipe(**{"steps": 4, "batch_size": 8, "precision": "float32"} | settings)


@pytest.fixture
def data(rendered_archive):
    dataset = open_dataset([rendered_archive], (32, 32))
    return BatchLoader(dataset, CPU), split_rows(dataset.samples, Split(), dataset.fingerprint)


@pytest.fixture
def fit(data):
    loader, split = data

    def fit(model, *recipes, **options):
        memory = options.pop("memory", None) or PeakMemory(CPU)
        trainer = Trainer(
            {(32, 32): loader},
            (32, 32),
            split,
            0,
            CPU,
            memory=memory,
            **{"tasks": ("mask", "depth")} | options,
        )
        return trainer.fit(model, PAIR, recipes or (recipe(),))

    return fit


def plan(execution):
    return execution.accumulation_steps, execution.checkpointing, execution.out_of_memory


def state(model):
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


def test_a_batch_is_divided_as_the_recipe_asks(fit):
    model = Network()
    (execution,) = fit(model, recipe(accumulate=4)).executions
    assert plan(execution) == (4, False, False)
    assert model.seen == [2] * 4 * 4


def test_what_ran_out_of_memory_is_the_same_cell_as_what_was_asked_to_be_divided(fit):
    """To the last bit: the failed try left no trace in weights, statistics or dropout."""
    ran_out, asked = Network(fits=4), Network()
    (execution,) = fit(ran_out).executions
    fit(asked, recipe(accumulate=2))
    assert plan(execution) == (2, False, True)
    assert torch.equal(state(ran_out), state(asked))


def test_a_later_cell_begins_with_the_plan_that_was_recorded(fit):
    """Whatever memory there is now: one cell has one figure, in a resumed run too."""
    first = fit(Network(fits=2))
    later = Network(fits=8)
    again = fit(later, precedents=first.executions)
    assert plan(again.executions[0]) == plan(first.executions[0]) == (4, False, True)
    assert set(later.seen) == {2}
    assert [epoch.losses for epoch in again.curve] == [epoch.losses for epoch in first.curve]
    assert [epoch.val for epoch in again.curve] == [epoch.val for epoch in first.curve]


def test_a_later_cell_goes_on_down_the_ladder_where_that_does_not_fit(fit):
    first = fit(Network(fits=4))
    again = fit(Network(fits=2), precedents=first.executions)
    assert plan(again.executions[0]) == (4, False, True)


def test_recomputing_is_taken_over_as_well(fit):
    first = fit(Network()).executions[0].model_copy(update={"checkpointing": True})
    (execution,) = fit(Network(), precedents=(first,)).executions
    assert plan(execution) == (1, True, True)


def test_each_stage_follows_the_same_stage(fit):
    recipes = (recipe(), recipe(accumulate=4))
    first = fit(Network(fits=4), *recipes)
    assert [plan(stage) for stage in first.executions] == [(2, False, True), (4, False, False)]
    again = fit(Network(), *recipes, precedents=first.executions)
    assert [plan(stage) for stage in again.executions] == [(2, False, True), (4, False, False)]


def test_a_hungry_network_before_it_does_not_change_a_cell(fit):
    alone, after = Network(), Network()
    fit(alone)
    fit(Network(fits=2))
    fit(after)
    assert torch.equal(state(alone), state(after))


def test_side_by_side_memory_that_runs_out_ends_the_cell(fit):
    model = Network(fits=4)
    with pytest.raises(torch.OutOfMemoryError):
        fit(model, falls_back=False)
    assert model.seen == [8]


def test_more_micro_batches_than_training_images_are_an_error(fit, data):
    _, split = data
    count = len(split.train)
    few = recipe(batch_size=8 * count, accumulate=2 * count)
    with pytest.raises(TrainingError, match=f"accumulate: there are only {count} training images"):
        fit(Network(), few)


def test_statistics_count_each_batch_once_when_memory_runs_out_later(fit):
    model = Network(fits=4, from_call=1)
    fit(model, recipe(steps=2))
    assert model.seen == [8, 8, 4, 4]
    assert int(model.layers[1].num_batches_tracked) == 1 + 2


def test_the_peak_of_memory_is_of_training_alone(fit):
    class Hungry(Network):
        def forward(self, background, composite):
            block = torch.ones(2**20 * (100 if self.training else 400), dtype=torch.uint8)
            del block
            return super().forward(background, composite)

    memory = PeakMemory(CPU)
    if memory.mib() is None:
        pytest.skip("this system cannot tell the peak of memory")
    fit(Hungry(), recipe(epochs=2, steps=None), memory=memory)
    assert 90 < memory.mib() < 200


class Teacher(Network):
    """Its prediction is frozen: it is called in evaluation mode."""

    def __init__(self, **options):
        super().__init__(**options)
        self.formats = set()

    def forward(self, background, composite):
        self.seen.append(len(composite))
        self.formats.add(
            torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
        )
        if len(composite) > self.fits and not torch.is_inference_mode_enabled():
            raise torch.OutOfMemoryError("CUDA out of memory")
        return Prediction(*self.layers(torch.cat([background, composite], 1)).split(1, dim=1))


@pytest.mark.parametrize(("precision", "expected"), [("bf16", torch.bfloat16), ("float32", None)])
def test_a_teachers_pass_is_in_the_recipes_number_format(fit, precision, expected):
    teacher = Teacher()
    student = StudentTeacher(Network(), teacher)
    fit(student, recipe(precision=precision, steps=1), pseudo_label=student.pseudo_label)
    assert teacher.formats == {expected}


def test_a_teachers_pass_that_does_not_fit_is_divided_too(fit):
    expected = StudentTeacher(Network(), Teacher())
    fit(expected, recipe(accumulate=2), pseudo_label=expected.pseudo_label)
    teacher = Teacher(fits=4)
    student = StudentTeacher(Network(), teacher)
    (execution,) = fit(student, pseudo_label=student.pseudo_label).executions
    assert plan(execution) == (2, False, True)
    assert teacher.seen[:3] == [8, 4, 4]
    assert torch.equal(state(student), state(expected))


@pytest.mark.parametrize(
    ("precision", "expected"), [("float32", "ieee"), ("bf16", "ieee"), ("tf32", "tf32")]
)
def test_forward_and_backward_are_in_the_recipes_number_format(fit, precision, expected):
    seen = set()

    class Watched(Network):
        def forward(self, background, composite):
            prediction = super().forward(background, composite)
            self.note("training" if self.training else "validation")
            if prediction.mask_logits.requires_grad:
                prediction.mask_logits.register_hook(lambda _: self.note("backward"))
            return prediction

        def note(self, when):
            formats = torch.backends.cuda.matmul, torch.backends.cudnn.conv
            seen.add((when, *(found.fp32_precision for found in formats)))

    (execution,) = fit(Watched(), recipe(precision=precision)).executions
    assert seen == {(when, expected, expected) for when in ("training", "backward", "validation")}
    assert not execution.cudnn_benchmark


def test_a_network_that_has_algorithms_chosen_by_trial_is_recorded_so(fit):
    class Trying(Network):
        def forward(self, background, composite):
            torch.backends.cudnn.benchmark = True
            return super().forward(background, composite)

    (execution,) = fit(Trying()).executions
    assert execution.cudnn_benchmark
    assert not torch.backends.cudnn.benchmark
