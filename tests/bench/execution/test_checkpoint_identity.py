"""A checkpoint is taken by the training that it belongs to, and by no other."""

import shutil
from dataclasses import replace

import pytest
import torch

from bench.execution import checkpoints
from bench.execution.checkpoints import identity_of
from bench.execution.context import open_context
from bench.settings.grid import Grid

CPU = torch.device("cpu")


@pytest.fixture
def identity(rendered_archive, tiny_network, tmp_path):
    """Of the first trained cell of a grid, whose network is a file of its own."""
    file, _, name = tiny_network.rpartition(":")
    shutil.copy(file, tmp_path / "network.py")

    def identity(edit="", seed=0, loss="bce", threads=None, **settings):
        with (tmp_path / "network.py").open("a") as network:
            network.write(edit)
        grid = Grid(
            architectures=(f"{tmp_path / 'network.py'}:{name}",),
            losses=(loss,),
            seeds=(seed,),
            **{
                "data": {"archive": str(rendered_archive), "image_size": 32},
                "train": {"epochs": 1},
            }
            | settings,
        )
        context = open_context(grid, CPU, tmp_path)
        if threads is not None:
            environment = context.environment.model_copy(update={"threads": threads})
            context = replace(context, environment=environment)
        return identity_of(next(c for c in grid.cells() if c.loss is not None), context)

    return identity


def test_the_same_training_has_the_same(identity):
    assert identity() == identity()


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"loss": "l1"},
        {"train": {"epochs": 2}},
        {"edit": "# another network"},
        {"threads": 63},
    ],
    ids=str,
)
def test_other_settings_or_code_have_another(identity, other):
    assert identity() != identity(**other)


def test_other_data_have_another(identity, rendered_archive):
    data = {"archive": str(rendered_archive), "image_size": 32}
    assert identity() != identity(data={**data, "split": {"seed": 7}})
    assert identity() != identity(data={**data, "limit": 12})


def test_other_code_of_this_package_has_another(identity, tmp_path, monkeypatch):
    before = identity()
    package = tmp_path / "bench"
    shutil.copytree(checkpoints.PACKAGE, package)
    (package / "training" / "step.py").write_text("# another way to train")
    monkeypatch.setattr(checkpoints, "PACKAGE", package)
    checkpoints.computing_code.cache_clear()
    assert identity() != before
    checkpoints.computing_code.cache_clear()


def test_what_changes_no_figure_changes_none(identity):
    assert identity() == identity(keep={"weights": "none", "checkpoint_seconds": 1})
    assert identity() == identity(limits={"seconds": 1000})
