"""What a table of scores holds, and what is no prediction."""

import canonical_archive
import numpy as np
import pytest
import torch
from torch import nn

from architectures import Prediction
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.errors import TrainingError
from bench.evaluation import sums
from bench.evaluation.score import score

CPU = torch.device("cpu")
ROWS = np.array([1, 2, 3, 5, 8])


class Fixed(nn.Module):
    """Predicts the same everywhere, but for some images what ``spoil`` says."""

    def __init__(self, mask=1.0, depth=0.0, spoil=None):
        super().__init__()
        self.values = (mask, depth)
        self.spoil = spoil or {}
        self.seen = 0

    def forward(self, background, composite):
        logits = [torch.full_like(composite[:, :1], value) for value in self.values]
        for number in range(len(composite)):
            for task, value in self.spoil.get(self.seen + number, {}).items():
                logits[task][number, 0, 3, 4] = value
        self.seen += len(composite)
        return Prediction(*logits)


@pytest.fixture
def loader(tmp_path):
    path = canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries())
    return BatchLoader(open_dataset([path], (32, 32), root=tmp_path / "cache"), CPU)


def scored(model, loader, **options):
    options = {"tasks": ("mask", "depth"), "batch_size": 2, "precision": "float32"} | options
    return score(model, loader, ROWS, **options)


def test_a_table_has_the_key_the_groups_of_the_archive_and_every_sum(loader):
    table = scored(Fixed(), loader)
    assert list(table)[:3] == ["key", "group_background", "group_scene"]
    assert set(table) == {"key", "group_background", "group_scene", *sums.EVERY_COLUMN}
    assert table["key"].tolist() == ["s1", "s2", "s3", "s5", "s8"]
    assert table["group_background"].tolist() == ["b1", "b0", "b1", "b1", "b0"]
    assert set(table["group_scene"]) == {"indoors"}


def test_a_prediction_is_compared_with_that_of_the_first_image(loader):
    table = scored(Fixed(spoil={3: {0: -1.0, 1: 100.0}}), loader)  # in the second batch
    assert table["changed_pixels"].tolist() == [0, 0, 0, 1, 0]
    changes = table["depth_change"].tolist()
    assert changes == pytest.approx([0, 0, 0, 0.5, 0])


def test_a_task_that_no_loss_trains_is_not_scored(loader):
    spoilt = Fixed(spoil={0: {1: float("nan")}})  # nor looked at
    table = scored(spoilt, loader, tasks=("mask",))
    assert set(table) == {"key", "group_background", "group_scene", *sums.COLUMNS["mask"]}


def test_only_the_columns_that_are_asked_for_are_there(loader):
    table = scored(Fixed(), loader, columns={"tp", "squared_error"})
    assert set(table.columns[3:]) == {"tp", "squared_error"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(("number", "task"), [(0, "mask"), (1, "depth")])
def test_a_prediction_that_is_not_finite_is_told_with_count_and_first_key(
    loader, number, task, value
):
    model = Fixed(spoil={3: {number: value}, 2: {number: value}})
    message = rf"^the {task} prediction is not finite on 2 of 5 test images, first: s3$"
    with pytest.raises(TrainingError, match=message):
        scored(model, loader)


def test_the_subset_is_told(loader):
    with pytest.raises(TrainingError, match="on 1 of 5 val images, first: s1"):
        scored(Fixed(spoil={0: {0: float("nan")}}), loader, subset="val")


def test_a_teacher_that_sees_no_finite_depth_is_told(loader):
    def pseudo_label(batch):
        return batch._replace(depth=batch.depth.log())  # of 0 in no row but the first

    def of_nothing(batch):
        return pseudo_label(batch._replace(depth=torch.zeros_like(batch.depth)))

    scored(Fixed(), loader, pseudo_label=pseudo_label)
    with pytest.raises(TrainingError, match="the teacher's depth is not finite on 5 of 5"):
        scored(Fixed(), loader, pseudo_label=of_nothing)


def test_unknown_pixels_of_the_mask_are_scored_nowhere(tmp_path):
    entries = canonical_archive.entries()
    unknown = np.zeros((32, 32), np.uint8)
    unknown[:, 16:] = 255
    entries |= {f"unknown/s{n}.png": canonical_archive.png(unknown) for n in range(10)}
    path = canonical_archive.write(tmp_path / "b.zip", entries)
    dataset = open_dataset([path], (32, 32), root=tmp_path / "cache")
    table = scored(Fixed(mask=9.0), BatchLoader(dataset, CPU), tasks=("mask",))
    # All is predicted: what is known is the left half, of which the square from column 2 + n on.
    assert (table["tp"] + table["fp"]).tolist() == [32 * 16] * 5
    assert table["tp"].tolist() == [12 * min(12, 14 - n) for n in ROWS]
    assert table["mask_bce"].tolist() == pytest.approx((9 * table["fp"] / 512).tolist(), rel=1e-3)


@pytest.mark.parametrize("precision", ["bf16", "float32"])
def test_a_teacher_judges_in_the_number_format_of_the_prediction(loader, precision):
    seen = set()

    class Watched(Fixed):
        def forward(self, background, composite):
            seen.add(("network", torch.is_autocast_enabled("cpu")))
            return super().forward(background, composite)

    def pseudo_label(batch):
        seen.add(("teacher", torch.is_autocast_enabled("cpu")))
        return batch

    scored(Watched(), loader, pseudo_label=pseudo_label, precision=precision)
    mixed = precision == "bf16"
    assert seen == {("network", mixed), ("teacher", mixed)}
