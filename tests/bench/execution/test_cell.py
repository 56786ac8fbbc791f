"""What becomes a cell's record, and what makes it a failed one."""

import canonical_archive
import numpy as np
import pandas as pd
import pytest
import torch

from bench.data.split import split_rows
from bench.evaluation import sums
from bench.execution.cell import Job, run_cell
from bench.execution.context import open_context
from bench.settings import Split
from bench.settings.grid import Grid
from bench.study import places

NETWORKS = '''
import torch
from tiny_network import TinyNetwork


class NanWhereBright(TinyNetwork):
    """Its depth is no number once it is trained, on images that are bright in one corner."""

    def forward(self, background, composite):
        found = super().forward(background, composite)
        bright = composite[:, :1, :1, :1] > 0.5
        if self.training:
            return found
        return found._replace(depth_logits=found.depth_logits.masked_fill(bright, float("nan")))


class LosesAWeight(TinyNetwork):
    """One of its weights, on which no prediction depends, becomes infinite."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(3))

    def forward(self, background, composite):
        with torch.no_grad():
            self.scale[1] = float("inf")
        return super().forward(background, composite)
'''


@pytest.fixture
def networks(tmp_path, monkeypatch, repository):
    monkeypatch.syspath_prepend(str(repository / "tests"))
    path = tmp_path / "networks.py"
    path.write_text(NETWORKS)
    return path


@pytest.fixture
def finish(tmp_path, rendered_archive, tiny_network):
    """Runs the only trained cell of a grid."""

    def run(network=tiny_network, loss="bce", archive=rendered_archive, **train):
        grid = Grid(
            architectures=(network,),
            losses=(loss,),
            data={"archive": str(archive), "image_size": 32},
            train={"epochs": 1, "batch_size": 4} | train,
        )
        context = open_context(grid, torch.device("cpu"), tmp_path)
        return run_cell(Job(list(grid.cells())[-1]), context)[:2]

    return run


def archive_with(path, *, bright):
    """A canonical archive of which some composites are bright in the upper left corner."""
    entries = canonical_archive.entries()
    for number in range(10):
        pixels = np.full((32, 32, 3), 40, np.uint8)
        pixels[:2, :2] = 255 if f"s{number}" in bright else 0
        entries[f"composite/s{number}.png"] = canonical_archive.png(pixels)
    return canonical_archive.write(path, entries)


@pytest.fixture(scope="module")
def split_keys():
    """The keys of each subset of ten samples s0 to s9."""
    keys = np.array([f"s{number}" for number in range(10)])
    split = split_rows(pd.DataFrame({"key": keys}), Split(), "any")
    return {subset: keys[getattr(split, subset)].tolist() for subset in ("train", "val", "test")}


def test_a_complete_cell_keeps_its_figures_tables_and_curve(finish):
    record, tables = finish()
    assert record.failure is None
    assert {"iou", "rmse", "boundary_f", "silog", "depth_bce"} <= record.summary.keys()
    assert record.summary.keys() <= record.metrics.keys()
    assert set(tables) == {"scores", "predictions", "values"}
    assert record.training.curve[0].val.keys() == {"iou", "rmse"}
    assert (record.consistency, record.teacher) == (None, None)


def test_what_each_metric_makes_of_each_image_is_kept(finish):
    record, tables = finish()
    values = tables[places.VALUES]
    assert values["key"].tolist() == tables[places.SCORES]["key"].tolist()
    assert "pooled_rmse" not in values  # which has no value of an image
    for name in ("iou", "rmse"):
        assert values[name].mean() == pytest.approx(record.summary[name], rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "task", "other"),
    [({"mask": "bce"}, "mask", "depth"), ({"depth": "l1"}, "depth", "mask")],
)
def test_a_task_that_no_loss_trains_is_neither_scored_nor_selects(finish, loss, task, other):
    record, tables = finish(loss=loss)
    assert not set(sums.COLUMNS[other]) & set(tables["scores"])
    assert set(sums.COLUMNS[task]) <= set(tables["scores"])
    assert record.training.curve[0].val.keys() == {"iou" if task == "mask" else "rmse"}
    assert not record.summary.keys() & ({"rmse"} if task == "mask" else {"iou"})


@pytest.mark.parametrize("subset", ["val", "test"])
def test_a_prediction_that_is_no_number_fails_the_cell(
    finish, networks, tmp_path, split_keys, subset
):
    spoilt = split_keys[subset][-2:]
    archive = archive_with(tmp_path / "a.zip", bright=spoilt)
    record, tables = finish(f"{networks}:NanWhereBright", archive=archive)
    assert record.failure == (
        f"the depth prediction is not finite on {len(spoilt)} of {len(split_keys[subset])} "
        f"{subset} images, first: {spoilt[0]}"
    )
    assert (record.summary, tables) == (None, {})


def test_no_image_of_training_is_predicted_for_scores(finish, networks, tmp_path, split_keys):
    archive = archive_with(tmp_path / "a.zip", bright=split_keys["train"])
    record, _ = finish(f"{networks}:NanWhereBright", archive=archive)
    assert record.failure is None


def test_a_weight_that_is_not_finite_fails_the_cell(finish, networks):
    record, _ = finish(f"{networks}:LosesAWeight")
    assert record.failure == "the weight scale is not finite at the end of training"


def test_an_epoch_is_not_selected_without_a_reading(finish, tmp_path):
    coding = {"unit": "m", "maximum": 65535, "near": "low", "invalid": 0}
    entries = canonical_archive.entries(depth_coding=coding)
    nothing = canonical_archive.png(np.zeros((32, 32), np.uint16))
    entries |= {f"depth/s{number}.png": nothing for number in range(10)}
    record, _ = finish(archive=canonical_archive.write(tmp_path / "a.zip", entries))
    assert record.failure == (
        "no epoch can be selected: RMSE has no value on any of the 1 val images"
    )


def test_a_teachers_training_and_consistency_are_kept(finish):
    teacher = {
        "architecture": {"name": "unet", "width": 0.0625, "inputs": "composite"},
        "losses": {"depth": "l1"},
        "epochs": 2,
        "batch_size": 4,
    }
    record, tables = finish(loss={"mask": "0.1*sparsity", "depth": "l1"}, teacher=teacher)
    assert record.failure is None
    assert len(record.teacher.curve) == 2
    # The teacher's mask is trained by no loss.
    assert record.teacher.curve[0].val.keys() == {"rmse"}
    assert len(record.training.curve) == 1
    assert set(tables["consistency"].columns[6:]) == set(sums.COLUMNS["depth"])
    assert 0 < record.consistency["rmse"] != record.summary["rmse"]
    assert "iou" not in record.consistency
