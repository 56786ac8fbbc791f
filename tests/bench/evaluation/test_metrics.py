import math

import numpy as np
import pandas as pd
import pytest
import torch

from bench.evaluation import metrics


def image(values):
    return torch.tensor(values, dtype=torch.float32)[None, None]


def scores_of(sums):
    return pd.DataFrame({name: values.numpy() for name, values in sums._asdict().items()})


def test_iou_counts_pixels_of_one_image():
    predicted = image([[1, 1, 0], [0, 1, 0]]).bool()
    target = image([[1, 0, 0], [0, 1, 1]]).bool()
    counts = metrics.mask_counts(predicted, target)
    assert [int(count) for count in counts] == [2, 1, 1]  # tp, fp, fn
    assert metrics.iou(scores_of(counts)).tolist() == [0.5]  # 2 / (2 + 1 + 1)


def test_iou_of_two_empty_masks_is_one_and_of_one_empty_mask_zero():
    empty, some = image([[0, 0]]).bool(), image([[0, 1]]).bool()
    assert metrics.iou(scores_of(metrics.mask_counts(empty, empty))).tolist() == [1]
    assert metrics.iou(scores_of(metrics.mask_counts(empty, some))).tolist() == [0]
    assert metrics.iou(scores_of(metrics.mask_counts(some, empty))).tolist() == [0]


def test_depth_figures_by_hand():
    predicted = image([[0.5, 0.30, 0.9, 0.1]])
    target = image([[0.4, 0.25, 0.2, 0.0]])
    valid = image([[1, 1, 1, 0]])
    sums = metrics.depth_sums(predicted, target, valid)
    assert sums.depth_pixels.tolist() == [3]
    assert sums.squared_error.item() == pytest.approx(0.01 + 0.0025 + 0.49)
    assert sums.abs_rel_error.item() == pytest.approx(0.1 / 0.4 + 0.05 / 0.25 + 0.7 / 0.2)
    assert sums.delta1_pixels.tolist() == [1]  # ratios 1.25 (not under it), 1.2 and 4.5
    rmse = metrics.rmse(scores_of(sums)).tolist()
    assert rmse == pytest.approx([math.sqrt(0.5025 / 3)])


def test_a_pixel_without_reading_changes_nothing():
    target, valid = image([[0.4, 0.0]]), image([[1, 0]])
    one = metrics.depth_sums(image([[0.5, 0.1]]), target, valid)
    other = metrics.depth_sums(image([[0.5, 0.9]]), image([[0.4, 1.0]]), valid)
    assert [a.tolist() for a in one] == [b.tolist() for b in other]


def test_each_image_is_scored_by_itself():
    generator = torch.Generator().manual_seed(0)
    predicted, target = (torch.rand(5, 1, 8, 8, generator=generator) for _ in "ab")
    valid = (torch.rand(5, 1, 8, 8, generator=generator) > 0.3).float()
    together = metrics.depth_sums(predicted, target, valid)
    for image in range(5):
        part = slice(image, image + 1)
        alone = metrics.depth_sums(predicted[part], target[part], valid[part])
        assert [a[image].item() for a in together] == pytest.approx([b.item() for b in alone])


def test_the_summary_is_the_mean_over_images_not_over_pixels():
    scores = pd.DataFrame(
        {
            "tp": [1, 90],
            "fp": [1, 10],
            "fn": [0, 0],
            "depth_pixels": [1, 100],
            "squared_error": [0.25, 1.0],
            "abs_rel_error": [0.5, 10.0],
            "delta1_pixels": [0, 100],
        }
    )
    summary = metrics.summarise(scores)
    assert summary.images == 2
    assert summary.iou == pytest.approx((0.5 + 0.9) / 2)
    assert summary.rmse == pytest.approx((0.5 + 0.1) / 2)
    assert summary.abs_rel == pytest.approx((0.5 + 0.1) / 2)
    assert summary.delta1 == pytest.approx((0 + 1) / 2)
    assert summary.selection_score == pytest.approx((0.7 + 0.7) / 2)


def test_an_image_without_any_reading_has_no_rmse_and_pulls_no_mean():
    scores = pd.DataFrame(
        {
            "depth_pixels": [0, 4],
            "squared_error": [0.0, 1.0],
            "abs_rel_error": [0.0, 2.0],
            "delta1_pixels": [0, 4],
        }
    )
    assert np.isnan(metrics.rmse(scores)[0])
    summary = metrics.summarise(scores)
    assert (summary.iou, summary.rmse, summary.abs_rel, summary.delta1) == (None, 0.5, 0.5, 1)
    assert summary.selection_score == 0.5
