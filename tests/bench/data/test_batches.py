import canonical_archive
import numpy as np
import pytest
import torch
from kornia import enhance
from operations import Operations

from bench.data import batches
from bench.data.augment import augment
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset

CPU = torch.device("cpu")


@pytest.fixture
def dataset(tmp_path):
    coding = {"maximum": 65535, "near": "low", "invalid": 0}
    entries = canonical_archive.entries(samples=8, depth_coding=coding)
    for number in range(8):  # the right edge and one row of each are unknown
        unknown = np.zeros((32, 32), np.uint8)
        unknown[:, 28:] = unknown[number] = 255
        entries[f"unknown/s{number}.png"] = canonical_archive.png(unknown)
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    return open_dataset([path], (32, 32), root=tmp_path / "cache")


def test_a_batch_holds_the_rows_asked_for_in_their_order(dataset):
    rows = np.array([5, 2])
    batch = BatchLoader(dataset, CPU).load(rows)
    for place, row in enumerate(rows):
        composite = torch.from_numpy(dataset.composites[row].copy()).permute(2, 0, 1)
        assert torch.equal((batch.composite[place] * 255).round().byte(), composite)
        assert torch.equal(batch.mask[place, 0].byte(), torch.from_numpy(dataset.masks[row].copy()))
        assert batch.depth[place] == pytest.approx(row / 8, abs=1e-4)
    assert {tuple(image.shape) for image in batch} == {(2, 3, 32, 32), (2, 1, 32, 32)}
    assert all(image.dtype == torch.float32 for image in batch)
    assert all(image.min() >= 0 and image.max() <= 1 for image in batch)


def test_a_pixel_without_reading_is_marked(dataset):
    batch = BatchLoader(dataset, CPU).load(np.array([0, 1]))
    assert batch.depth_valid.mean(dim=(1, 2, 3)).tolist() == [0, 1]  # s0's depth is 0: no reading


def test_a_pixel_whose_mask_is_unknown_is_marked(dataset):
    valid = BatchLoader(dataset, CPU).load(np.array([3])).mask_valid[0, 0]
    assert valid[3].sum() == 0
    assert valid[4].tolist() == [1] * 28 + [0] * 4


def test_a_batch_is_changed_image_by_image_but_for_what_it_has_not(dataset):
    batch = BatchLoader(dataset, CPU).load(np.arange(4))._replace(mask_valid=None)
    halves = batch.map(lambda image: image[:2])
    assert [len(image) for image in halves[:5]] == [2] * 5
    assert torch.equal(halves.depth, batch.depth[:2])
    assert halves.mask_valid is None


def test_in_order_gives_every_row_once():
    parts = list(batches.in_order(np.arange(7), 3))
    assert [part.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]


def test_an_epoch_is_whole_batches_of_different_rows():
    rows = np.arange(100, 117)
    parts = list(batches.shuffled(rows, 5, torch.Generator().manual_seed(0)))
    assert [len(part) for part in parts] == [5, 5, 5]
    assert len(set(np.concatenate(parts)) & set(rows)) == 15


def test_fewer_rows_than_a_batch_are_one_batch():
    parts = list(batches.shuffled(np.arange(3), 5, torch.Generator()))
    assert [sorted(part) for part in parts] == [[0, 1, 2]]
    assert batches.batches_per_epoch(np.arange(3), 5) == 1


def test_the_generator_alone_decides_the_order():
    def epochs(seed):
        generator = torch.Generator().manual_seed(seed)
        return [np.concatenate(list(batches.shuffled(np.arange(64), 8, generator))) for _ in "ab"]

    first, second = epochs(0)
    assert not np.array_equal(first, second)
    torch.manual_seed(99)
    assert np.array_equal(epochs(0)[1], second)
    assert not np.array_equal(epochs(1)[0], first)


def varied(dataset, **options):
    batch = BatchLoader(dataset, CPU).load(np.arange(8))
    return batch, augment(batch, generator=torch.Generator().manual_seed(3), **options)


def test_a_flip_mirrors_all_six_images_of_a_sample_or_none(dataset):
    before, after = varied(dataset, flip=True, color_jitter=0)
    mirrored = 0
    for sample in range(8):
        same = [torch.equal(a[sample], b[sample]) for a, b in zip(before, after, strict=True)]
        flipped = [
            torch.equal(a[sample].flip(-1), b[sample]) for a, b in zip(before, after, strict=True)
        ]
        assert all(same) or all(flipped)
        mirrored += not all(same)
    assert 0 < mirrored < 8


def test_colour_changes_the_inputs_alike_and_no_target(dataset):
    before, after = varied(dataset, flip=False, color_jitter=0.1)
    outside = (before.mask == 0).expand_as(before.composite)
    assert torch.equal(after.composite[outside], after.background[outside])
    assert not torch.equal(after.composite, before.composite)
    for name in ("mask", "depth", "depth_valid", "mask_valid"):
        assert torch.equal(getattr(after, name), getattr(before, name))
    assert after.composite.min() >= 0
    assert after.composite.max() <= 1
    assert (after.composite - before.composite).abs().max() < 0.35


@pytest.mark.parametrize("size", [(32, 32), (37, 41)])
def test_colors_change_as_kornia_changes_them(size):
    images = torch.rand(2, 6, 3, *size, generator=torch.Generator().manual_seed(0))
    maps = torch.zeros(3, 6, 1, *size)
    generator = torch.Generator().manual_seed(3)
    found = augment(
        batches.Batch(*images, *maps), flip=False, color_jitter=0.4, generator=generator
    )
    draws = torch.rand(6, 4, generator=torch.Generator().manual_seed(3))
    brightness, contrast, saturation = (0.4 * (2 * draws[:, 1:] - 1)).unbind(1)
    for before, after in zip(images, (found.background, found.composite), strict=True):
        expected = enhance.adjust_brightness(before, brightness)
        expected = enhance.adjust_contrast(expected, 1 + contrast)
        expected = enhance.adjust_saturation_with_gray_subtraction(expected, 1 + saturation)
        torch.testing.assert_close(after, expected)


def test_varied_images_stay_channels_last(dataset):
    _, after = varied(dataset, flip=True, color_jitter=0.1)
    assert after.composite.is_contiguous(memory_format=torch.channels_last)
    assert after.background.is_contiguous(memory_format=torch.channels_last)


def test_variation_switched_off_does_nothing_at_all(dataset):
    batch = BatchLoader(dataset, CPU).load(np.arange(8))
    with Operations() as found:
        same = augment(batch, flip=False, color_jitter=0, generator=torch.Generator())
    assert same is batch
    assert not found.counts
