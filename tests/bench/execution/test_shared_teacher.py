"""All cells of one seed share one teacher, whichever of them comes first."""

import pytest
import torch

from bench.execution.cell import Job, run_cell
from bench.execution.context import open_context
from bench.settings.grid import Grid
from bench.training.fit import Trainer

TEACHER = {
    "architecture": {"name": "resnet50_upproj", "width": 0.0625, "inputs": "composite"},
    "epochs": 1,
    "batch_size": 8,
}
LOSSES = ({"mask": "0.1*sparsity", "depth": "l1"}, {"mask": "0.1*sparsity", "depth": "mse"})


@pytest.fixture
def run(rendered_archive, tiny_network, tmp_path_factory):
    """Runs the trained cells of a grid with a teacher, one after the other in one process."""

    def run(losses=LOSSES, seeds=(0,), network=tiny_network, teacher=TEACHER, **train):
        grid = Grid(
            architectures=(network,),
            losses=losses,
            seeds=seeds,
            data={"archive": str(rendered_archive), "image_size": 32},
            train={"epochs": 1, "batch_size": 8, "teacher": teacher} | train,
        )
        context = open_context(grid, torch.device("cpu"), tmp_path_factory.mktemp("run"))
        cells = [cell for cell in grid.cells() if cell.loss is not None]
        results = [run_cell(Job(cell), context) for cell in cells]
        assert [result.record.failure for result in results] == [None] * len(cells)
        return results

    return run


@pytest.fixture
def trainings(monkeypatch):
    """The class of each network that was trained, in order."""
    found = []
    original = Trainer.fit

    def fit(trainer, model, pair, recipes):
        found.append(type(model).__name__)
        return original(trainer, model, pair, recipes)

    monkeypatch.setattr(Trainer, "fit", fit)
    return found


def figures(result):
    """What must not depend on which cell trained the teacher."""
    curves = [
        [epoch.model_dump(exclude={"train_s"}) for epoch in training.curve]
        for training in (result.record.training, result.record.teacher)
    ]
    tables = {name: table.to_csv() for name, table in result.tables.items()}
    return result.record.summary, result.record.consistency, curves, tables


def test_a_teacher_is_trained_once_a_seed_and_stands_in_every_record(run, trainings):
    results = run(seeds=(0, 1))
    assert trainings == ["UpProjectionNetwork", "StudentTeacher", "StudentTeacher"] * 2
    curves = [result.record.teacher.curve for result in results]
    assert curves[0] == curves[1] != curves[2] == curves[3]


def test_without_losses_of_its_own_it_learns_by_those_of_its_paper_whatever_the_cells(run):
    for result in run():
        terms = {(term.task, term.term) for term in result.record.teacher.terms}
        assert terms == {
            ("depth", "log_l1"),
            ("depth", "log_gradient"),
            ("depth", "normals_cosine"),
        }


def test_a_cell_that_finds_a_teacher_has_the_figures_of_one_that_trains_it(run):
    first, second = (
        {result.record.cell.id: figures(result) for result in run(losses=losses)}
        for losses in (LOSSES, LOSSES[::-1])
    )
    assert first == second


def test_losses_at_native_size_reach_student_and_teacher(run):
    teacher = TEACHER | {"loss_size": "native"}
    (full,) = run(losses=LOSSES[:1])
    (native,) = run(losses=LOSSES[:1], teacher=teacher, loss_size="native")
    for training in ("training", "teacher"):
        before, after = (getattr(result.record, training).terms for result in (full, native))
        assert [(t.task, t.term) for t in before] == [(t.task, t.term) for t in after]
        depth = [
            (one.start, other.start)
            for one, other in zip(before, after, strict=True)
            if one.task == "depth"
        ]
        assert all(one != other for one, other in depth)


def test_losses_at_native_size_fail_a_network_that_has_none(
    rendered_archive, tiny_network, tmp_path
):
    grid = Grid(
        architectures=(tiny_network,),
        losses=("bce",),
        data={"archive": str(rendered_archive), "image_size": 32},
        train={"epochs": 1, "loss_size": "native"},
    )
    cell = list(grid.cells())[-1]
    record, *_ = run_cell(Job(cell), open_context(grid, torch.device("cpu"), tmp_path))
    assert record.failure == (
        "loss_size: native: the network predicts the mask at full size only; "
        "leave loss_size at full"
    )
