"""Each metric against an independent library, or the published formula in double precision."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, kl_divergence

from architectures import torchvision_ops
from bench.evaluation import metrics, sums

torchvision_ops.define_missing()  # torchmetrics imports torchvision

from torchmetrics.functional import (  # noqa: E402
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
)
from torchmetrics.functional.classification import (  # noqa: E402
    binary_f1_score,
    binary_jaccard_index,
    binary_precision,
    binary_recall,
)
from torchmetrics.functional.segmentation.utils import mask_edges, surface_distance  # noqa: E402

# A diagonal of 126 px, so that boundaries may lie 2 px apart; square, as torchmetrics measures the
# distances of boundaries wrongly elsewhere.
SIZE = (89, 89)
TOLERANCE = 2
EXACT = {"rel": 1e-6, "abs": 1e-6}
RANDOM = torch.Generator().manual_seed(0)


def blob(threshold):
    """A mask with long and short boundaries."""
    coarse = torch.rand(1, 1, 9, 9, generator=RANDOM)
    return F.interpolate(coarse, SIZE, mode="bicubic")[0, 0] > threshold


def one_pixel():
    mask = torch.zeros(SIZE).bool()
    mask[40, 60] = True
    return mask


EMPTY, FULL, ONE = torch.zeros(SIZE).bool(), torch.ones(SIZE).bool(), one_pixel()
SOME = blob(0.5)
PAIRS = {
    "random": (blob(0.5), blob(0.6)),
    "near": (SOME, SOME.roll(1, 0) & SOME.roll(3, 1)),
    "same": (SOME, SOME),
    "both empty": (EMPTY, EMPTY),
    "nothing predicted": (EMPTY, SOME),
    "nothing there": (SOME, EMPTY),
    "all predicted": (FULL, SOME),
    "all there": (SOME, FULL),
    "both full": (FULL, FULL),
    "full on empty": (FULL, EMPTY),
    "one pixel": (ONE, SOME),
    "apart": (ONE, ONE.roll(40, 0)),
}


def empty_rule(predicted, target):
    """What stands for 0 / 0: two empty masks agree, one empty mask does not."""
    return float(not predicted.any() and not target.any())


def boundary_f(predicted, target):
    edges = [edge.bool() for edge in mask_edges(predicted.byte(), target.byte(), crop=False)]
    if not edges[0].any() or not edges[1].any():
        return empty_rule(predicted, target)
    precision = (surface_distance(edges[0], edges[1]) <= TOLERANCE).double().mean()
    recall = (surface_distance(edges[1], edges[0]) <= TOLERANCE).double().mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def by_torchmetrics(function):
    return lambda predicted, target: function(
        predicted.int(), target.int(), zero_division=empty_rule(predicted, target)
    )


MASK_REFERENCES = {
    "iou": by_torchmetrics(binary_jaccard_index),
    "pooled_iou": by_torchmetrics(binary_jaccard_index),
    "dice": by_torchmetrics(binary_f1_score),
    "precision": by_torchmetrics(binary_precision),
    "recall": by_torchmetrics(binary_recall),
    "boundary_f": boundary_f,
}


def table(found):
    return pd.DataFrame({name: values.numpy() for name, values in found.items()})


@pytest.mark.parametrize("name", MASK_REFERENCES)
@pytest.mark.parametrize("pair", PAIRS)
def test_a_mask_metric_agrees_with_torchmetrics(name, pair):
    predicted, target = PAIRS[pair]
    scores = table(sums.mask_sums(predicted[None, None], target[None, None]))
    expected = float(MASK_REFERENCES[name](predicted, target))
    assert metrics.load(name).value(scores) == pytest.approx(expected, **EXACT)


def floored(depth):
    return depth.double().clamp(min=0.001)


def log_error(d, t):
    return (floored(d).log() - floored(t).log()).numpy()


def share_within(power):
    def share(d, t):
        ratio = floored(d) / floored(t)
        return (torch.maximum(ratio, 1 / ratio) < 1.25**power).double().mean()

    return share


def root_mean_squared_error(d, t):
    return mean_squared_error(d.double(), t.double(), squared=False)


DEPTH_REFERENCES = {
    "rmse": root_mean_squared_error,
    "pooled_rmse": root_mean_squared_error,
    "mae": lambda d, t: mean_absolute_error(d.double(), t.double()),
    "abs_rel": lambda d, t: mean_absolute_percentage_error(floored(d), floored(t)),
    "sq_rel": lambda d, t: ((floored(d) - floored(t)) ** 2 / floored(t)).mean(),
    "log10": lambda d, t: mean_absolute_error(floored(d).log10(), floored(t).log10()),
    "delta1": share_within(1),
    "delta2": share_within(2),
    "delta3": share_within(3),
    "silog": lambda d, t: 100 * np.std(log_error(d, t)),
    "silog_eigen": lambda d, t: np.mean(log_error(d, t) ** 2) - 0.5 * np.mean(log_error(d, t)) ** 2,
    "depth_bce": lambda d, t: F.binary_cross_entropy(d.double(), t.double()),
    "depth_entropy": lambda d, t: Bernoulli(t.double()).entropy().mean(),
    "depth_bce_excess": lambda d, t: kl_divergence(
        Bernoulli(t.double()), Bernoulli(d.double())
    ).mean(),
}


def depth_pair(kind):
    """Logits, target, and where there is a reading, (1, 1, H, W) each."""
    logits = 2 * torch.randn(1, 1, *SIZE, generator=RANDOM)
    target = torch.rand(1, 1, *SIZE, generator=RANDOM)
    valid = (torch.rand(1, 1, *SIZE, generator=RANDOM) > 0.3).float()
    match kind:
        case "all valid":
            valid = torch.ones_like(valid)
        case "black and white":
            target = (target > 0.5).float()
        case "off by one factor":
            target = 0.9 * target + 0.05
            logits = (0.5 * target + 0.01 * logits.sigmoid()).logit()
        case "one reading":
            valid = torch.zeros_like(valid)
            valid[..., 5, 7] = 1
    return logits, target, valid


def depth_table(logits, target, valid):
    return table(
        {
            **sums.depth_sums(logits.sigmoid(), target, valid),
            **sums.depth_means(logits, target, valid, sums.EVERY_COLUMN),
        }
    )


@pytest.mark.parametrize("name", DEPTH_REFERENCES)
@pytest.mark.parametrize(
    "kind", ["some valid", "all valid", "black and white", "off by one factor", "one reading"]
)
def test_a_depth_metric_agrees_with_an_independent_computation(name, kind):
    logits, target, valid = depth_pair(kind)
    read = valid.bool()
    expected = float(DEPTH_REFERENCES[name](logits.sigmoid()[read], target[read]))
    found = metrics.load(name).value(depth_table(logits, target, valid))
    assert found == pytest.approx(expected, **EXACT)


def test_the_mask_cross_entropy_agrees_with_torch():
    logits = 2 * torch.randn(1, 1, *SIZE, generator=RANDOM)
    target = SOME[None, None].float()
    scores = table(sums.mask_means(logits, target, None, sums.EVERY_COLUMN))
    expected = F.binary_cross_entropy_with_logits(logits.double(), target.double()).item()
    assert metrics.load("mask_bce").value(scores) == pytest.approx(expected, **EXACT)


def test_one_factor_on_all_depths_is_forgiven():
    _, target, valid = depth_pair("off by one factor")
    scores = depth_table((0.5 * target).logit(), target, valid)
    assert metrics.load("silog").value(scores) == pytest.approx(0, abs=1e-4)
    assert metrics.load("silog_eigen").value(scores) == pytest.approx(math.log(2) ** 2 / 2)


def test_every_metric_is_compared():
    assert set(metrics.names()) == {*MASK_REFERENCES, *DEPTH_REFERENCES, "mask_bce"}


@pytest.mark.parametrize("name", DEPTH_REFERENCES)
def test_an_image_without_any_reading_counts_nowhere(name):
    metric = metrics.load(name)
    logits, target, valid = depth_pair("some valid")
    alone = depth_table(logits, target, valid)
    unread = depth_table(logits, target, torch.zeros_like(valid))
    assert metric.value(unread) is None
    assert metric.value(pd.concat([unread, alone, unread])) == metric.value(alone)


@pytest.mark.parametrize("name", MASK_REFERENCES)
def test_an_image_without_a_known_mask_counts_nowhere(name):
    metric = metrics.load(name)
    predicted, target = (mask[None, None] for mask in PAIRS["random"])
    alone, unknown = (
        table(sums.mask_sums(predicted, target, known * torch.ones(1, 1, *SIZE)))
        for known in (1, 0)
    )
    assert metric.value(alone) == metric.value(table(sums.mask_sums(predicted, target)))
    assert metric.value(pd.concat([unknown, alone])) == metric.value(alone)


@pytest.mark.parametrize(
    ("pooled", "of_one_image"), [("pooled_iou", "iou"), ("pooled_rmse", "rmse")]
)
def test_a_pooled_metric_is_that_of_all_images_as_one(pooled, of_one_image):
    shares = (0.05, 0.5, 0.9)
    masks = [torch.rand(2, 1, 1, 16, 16, generator=RANDOM) < share for share in shares]
    depths = [torch.rand(2, 1, 1, 16, 16, generator=RANDOM) * share for share in shares]
    valid = [(torch.rand(1, 1, 16, 16, generator=RANDOM) < share).float() for share in shares]

    def scores(masks, depths, valid):
        return {
            **sums.mask_sums(masks[0], masks[1]),
            **sums.depth_sums(depths[0], depths[1], valid),
        }

    apart = pd.concat(map(table, map(scores, masks, depths, valid)))
    as_one = table(scores(torch.cat(masks, 3), torch.cat(depths, 3), torch.cat(valid, 2)))
    found = metrics.load(pooled).value(apart)
    assert found == pytest.approx(metrics.load(of_one_image).value(as_one), **EXACT)
    assert abs(found - metrics.load(of_one_image).value(apart)) > 0.01


def test_a_figure_is_the_mean_over_images_not_over_pixels():
    scores = pd.DataFrame(
        {"tp": [1, 90], "fp": [1, 10], "fn": [0, 0]}
        | {"depth_pixels": [1, 100], "squared_error": [0.25, 1.0]}
    )
    assert metrics.load("iou").value(scores) == pytest.approx((0.5 + 0.9) / 2)
    assert metrics.load("rmse").value(scores) == pytest.approx((0.5 + 0.1) / 2)
    assert metrics.load("pooled_iou").value(scores) == pytest.approx(91 / 102)
    assert metrics.load("pooled_rmse").value(scores) == pytest.approx(math.sqrt(1.25 / 101))
