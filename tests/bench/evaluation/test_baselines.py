import canonical_archive
import numpy as np
import pytest

from bench.data.cache import open_dataset
from bench.data.split import SplitRows
from bench.evaluation import baselines, metrics, sums
from bench.evaluation.metric import summarise


@pytest.fixture
def dataset(tmp_path):
    coding = {"maximum": 65535, "near": "low", "invalid": 0}
    entries = canonical_archive.entries(samples=10, depth_coding=coding)
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    return open_dataset([path], (32, 32), root=tmp_path / "cache")


@pytest.fixture
def split():
    return SplitRows(
        train=np.array([0, 1, 3]), val=np.array([4, 5]), test=np.array([6, 8]), digest="d"
    )


def summary(name, dataset, split):
    scores, note = baselines.score(name, dataset, split)
    assert scores["key"].tolist() == ["s6", "s8"]
    assert scores["group_background"].tolist() == ["b0", "b0"]
    return summarise(scores, [metrics.load("iou"), metrics.load("rmse")]), note


def test_the_empty_mask_scores_nothing_where_there_is_an_object(dataset, split):
    found, _ = summary("empty mask", dataset, split)
    assert found == {"iou": 0}


def test_the_difference_finds_an_object_that_stands_out(dataset, split):
    # The square is 230, the background at most 199 in each channel, and nothing else differs.
    found, note = summary("difference", dataset, split)
    assert found == {"iou": 1}
    assert note == "|composite - background| > 0 of 255"


def test_the_threshold_is_the_best_of_all_256_on_validation(dataset, split):
    noise = np.random.default_rng(0).integers(0, 90, dataset.composites.shape, np.uint8)
    noisy = dataset.composites.astype(int) - noise
    dataset = type(dataset)(**(vars(dataset) | {"composites": noisy.clip(0).astype(np.uint8)}))
    difference = np.abs(
        dataset.composites.astype(int) - dataset.backgrounds[dataset.background_rows]
    ).max(axis=-1)

    def mean_iou(threshold):
        found = [
            (predicted & mask).sum() / (predicted | mask).sum()
            for predicted, mask in zip(
                difference[split.val] > threshold, dataset.masks[split.val] == 1, strict=True
            )
        ]
        return np.mean(found)

    best = max(range(256), key=mean_iou)
    assert 0 < best < 100
    _, note = summary("difference", dataset, split)
    assert note == f"|composite - background| > {best} of 255"


def test_the_mean_depth_is_that_of_the_training_readings(dataset, split):
    # s0 has no reading; s1 and s3 lie at 0.1 and 0.3, s6 and s8 at 0.6 and 0.8.
    found, note = summary("mean depth", dataset, split)
    assert note == "depth 0.200 everywhere"
    assert found == {"rmse": pytest.approx((0.4 + 0.6) / 2, abs=1e-4)}


def test_each_pixel_has_its_own_mean_depth(dataset, split):
    depths, valid = dataset.depths.copy(), dataset.depth_valid.copy()
    depths[3, :, 16:] = round(0.5 * 65535)
    valid[1, :4] = 0
    dataset = type(dataset)(**(vars(dataset) | {"depths": depths, "depth_valid": valid}))
    scores, _ = baselines.score("pixel mean depth", dataset, split)
    # Left half: (0.1 + 0.3) / 2, right half: (0.1 + 0.5) / 2; in the top 4 rows s3's depth alone.
    errors = np.concatenate(
        [
            np.full(28 * 16, 0.6 - 0.2),
            np.full(28 * 16, 0.6 - 0.3),
            np.full(4 * 16, 0.6 - 0.3),
            np.full(4 * 16, 0.6 - 0.5),
        ]
    )
    assert metrics.load("rmse").per_image(scores)[0] == pytest.approx(
        np.sqrt((errors**2).mean()), abs=1e-4
    )


def test_a_full_mask_has_the_share_of_the_object(dataset, split):
    scores, note = baselines.score("full mask", dataset, split)
    shares = dataset.masks[split.test].reshape(len(split.test), -1).mean(axis=1)
    assert metrics.load("iou").per_image(scores).tolist() == pytest.approx(shares.tolist())
    assert note == "every pixel is object"


def test_a_baseline_scores_everything_of_its_task_but_what_needs_logits(dataset, split):
    masks, _ = baselines.score("empty mask", dataset, split)
    depths, _ = baselines.score("mean depth", dataset, split)
    groups = {"key", "group_background", "group_scene"}
    assert set(masks) == groups | set(sums.COLUMNS["mask"]) - {"mask_bce", "changed_pixels"}
    of_networks = {"depth_bce", "depth_entropy", "depth_change"}
    assert set(depths) == groups | set(sums.COLUMNS["depth"]) - of_networks


def test_the_threshold_comes_from_what_is_known_of_the_masks(dataset, split):
    # The square stands out; elsewhere, where nothing is known, the rest differs still more.
    composites, known = dataset.composites.copy(), np.ones_like(dataset.masks)
    composites[:, :2] = 255 - composites[:, :2]
    known[:, :2] = 0
    changed = vars(dataset) | {"composites": composites}
    _, misled = baselines.score("difference", type(dataset)(**changed), split)
    scores, note = baselines.score(
        "difference", type(dataset)(**changed | {"mask_valid": known}), split
    )
    assert note == "|composite - background| > 0 of 255" != misled
    assert metrics.load("iou").per_image(scores).tolist() == [1, 1]
