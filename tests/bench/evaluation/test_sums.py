"""What is summed over an image's pixels, by hand."""

import itertools
import math

import pytest
import torch

from bench.evaluation import sums
from bench.evaluation.boundary import boundary, near, tolerance


def image(values):
    return torch.tensor(values, dtype=torch.float32)[None, None]


def mask(*rows):
    return image([[character == "#" for character in row] for row in rows]).bool()


def shown(mask):
    return ["".join("#" if pixel else "." for pixel in row) for row in mask[0, 0].tolist()]


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


NETWORKS_ALONE = {"mask_bce", "depth_bce", "depth_entropy", "changed_pixels", "depth_change"}


def test_mask_pixels_are_counted():
    found = sums.mask_sums(mask("##.", ".#."), mask("#..", ".##"))
    assert [found[name].item() for name in ("mask_pixels", "tp", "fp", "fn")] == [6, 2, 1, 1]
    assert found["tp"].dtype == torch.int64


def test_depth_sums_by_hand():
    predicted = image([[0.5, 0.30, 0.9, 0.1]])
    target = image([[0.4, 0.25, 0.2, 0.0]])
    found = sums.depth_sums(predicted, target, image([[1, 1, 1, 0]]))
    logs = [math.log(0.5 / 0.4), math.log(0.30 / 0.25), math.log(0.9 / 0.2)]
    mean = sum(logs) / 3
    assert {name: values.item() for name, values in found.items()} == pytest.approx(
        {
            "depth_pixels": 3,
            "predicted_depth": 0.5 + 0.30 + 0.9,
            "target_depth": 0.4 + 0.25 + 0.2,
            "squared_error": 0.01 + 0.0025 + 0.49,
            "abs_error": 0.1 + 0.05 + 0.7,
            "abs_rel_error": 0.1 / 0.4 + 0.05 / 0.25 + 0.7 / 0.2,
            "sq_rel_error": 0.01 / 0.4 + 0.0025 / 0.25 + 0.49 / 0.2,
            "delta1_pixels": 1,  # the ratios are 1.25 (not below it), 1.2 and 4.5
            "delta2_pixels": 2,
            "delta3_pixels": 2,
            "log10_error": sum(logs) / math.log(10),
            "log_error": sum(logs),
            "log_error_deviation": sum((log - mean) ** 2 for log in logs),
        }
    )


def test_depth_is_floored_where_it_is_divided_by_and_only_there():
    found = sums.depth_sums(image([[0.5]]), image([[0.0]]), image([[1]]))
    assert found["squared_error"].item() == 0.25
    assert found["abs_rel_error"].item() == pytest.approx(0.499 / 0.001)
    assert found["log_error"].item() == pytest.approx(math.log(500))


def test_a_pixel_without_reading_changes_nothing():
    valid = image([[1, 0]])
    one = sums.depth_sums(image([[0.5, 0.1]]), image([[0.4, 0.0]]), valid)
    other = sums.depth_sums(image([[0.5, 0.9]]), image([[0.4, 1.0]]), valid)
    assert one == other


def test_an_unknown_pixel_of_a_mask_changes_nothing():
    known = image([[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1]])
    truth = mask("##..", "##..", "....")
    expected = sums.mask_sums(mask("###.", "##..", "...."), truth, known)
    for corner in itertools.product(".#", repeat=4):
        predicted = mask(f"###{corner[0]}", f"##.{corner[1]}", "....")
        target = mask(f"##.{corner[2]}", f"##.{corner[3]}", "....")
        assert sums.mask_sums(predicted, target, known) == expected
    counts = [expected[name].item() for name in ("mask_pixels", "tp", "fp")]
    assert counts == [10, 4, 1]


def test_an_image_of_which_nothing_is_known_has_no_counts():
    two = torch.ones(2, 1, 4, 4).bool()
    known = torch.tensor([1.0, 0.0]).view(2, 1, 1, 1).expand(2, 1, 4, 4)
    for name, values in sums.mask_sums(two, two, known).items():
        assert values.isnan().tolist() == [False, True], name
    (values,) = sums.mask_means(two.float(), two.float(), known, {"mask_bce"}).values()
    assert values.isnan().tolist() == [False, True]


def test_only_the_asked_columns_are_computed():
    depth, valid = random(2, 1, 8, 8), torch.ones(2, 1, 8, 8)
    assert list(sums.depth_sums(depth, depth, valid, {"squared_error", "tp"})) == ["squared_error"]
    assert list(sums.mask_sums(depth > 0.5, depth > 0.3, None, {"fn"})) == ["fn"]
    assert sums.mask_means(depth, depth, None, {"tp"}) == {}
    assert sums.depth_means(depth, depth, valid, {"tp"}) == {}


def test_what_changed_since_the_first_image_is_summed_where_the_truth_is_known():
    masks, known = torch.stack([mask("##..")[0], mask("#..#")[0]]), image([[1, 1, 1, 0]])
    changes = sums.mask_change(masks, masks[:1], known.expand(2, 1, 1, 4), {"changed_pixels"})
    assert changes["changed_pixels"].tolist() == [0, 1]
    depths = torch.stack([image([[0.5, 0.5]])[0], image([[0.25, 0.0]])[0]])
    valid = image([[1, 0]]).expand(2, 1, 1, 2)
    changes = sums.depth_change(depths, depths[:1], valid, {"depth_change"})
    assert changes["depth_change"].tolist() == [0, 0.25]


def test_each_image_is_summed_by_itself():
    predicted, target = random(2, 5, 1, 8, 8)
    valid = (random(5, 1, 8, 8, seed=1) > 0.3).float()
    together = {
        **sums.depth_sums(predicted, target, valid),
        **sums.mask_sums(predicted > 0.5, target > 0.5),
    }
    assert together.keys() == sums.EVERY_COLUMN - NETWORKS_ALONE
    for number in range(5):
        one = slice(number, number + 1)
        alone = {
            **sums.depth_sums(predicted[one], target[one], valid[one]),
            **sums.mask_sums(predicted[one] > 0.5, target[one] > 0.5),
        }
        for name, values in together.items():
            assert values[number].item() == pytest.approx(alone[name].item(), rel=1e-5), name


def test_one_prediction_serves_all_images():
    depth, target = random(1, 1, 8, 8), random(3, 1, 8, 8, seed=1)
    valid = torch.ones_like(target)
    spread = sums.depth_sums(depth.expand(3, 1, 8, 8).contiguous(), target, valid)
    for name, values in sums.depth_sums(depth, target, valid).items():
        assert values.tolist() == spread[name].tolist()
    for values in sums.mask_sums(depth > 0.5, target > 0.5).values():
        assert values.shape == (3,)


def test_the_boundary_are_the_objects_outer_pixels():
    found = boundary(mask("......", ".####.", ".####.", ".####.", "....##"))
    assert shown(found) == ["......", ".####.", ".#..#.", ".####.", "....##"]


def test_an_object_ends_at_the_edge_of_the_image():
    assert shown(boundary(mask("###", "###", "###"))) == ["###", "#.#", "###"]


def test_an_object_does_not_end_at_an_unknown_pixel():
    known = mask("####.", "####.", "####.")
    assert shown(boundary(mask("#####", "#####", "#####"), known)) == ["####.", "#....", "####."]


def test_near_is_a_disk():
    single = torch.zeros(1, 1, 9, 9).bool()
    single[..., 4, 4] = True
    expected = [
        "".join("#" if (y - 4) ** 2 + (x - 4) ** 2 <= 9 else "." for x in range(9))
        for y in range(9)
    ]
    assert shown(near(single, 3)) == expected


@pytest.mark.parametrize(
    ("size", "pixels"), [((32, 32), 1), ((64, 64), 1), ((128, 128), 2), ((480, 640), 7)]
)
def test_the_tolerance_grows_with_the_diagonal(size, pixels):
    assert tolerance(*size) == pixels  # 0.36, 0.72, 1.45 and 6.4, rounded up


def test_a_hit_is_a_boundary_pixel_near_the_other_boundary():
    found = sums.mask_sums(mask("......", ".##...", "......"), mask("......", "...##.", "......"))
    assert found["predicted_boundary"].item() == found["target_boundary"].item() == 2
    assert found["predicted_boundary_hits"].item() == 1  # at a distance of 1; the other is 2 away
    assert found["target_boundary_hits"].item() == 1
