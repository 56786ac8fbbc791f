import pytest

from bench.evaluation import selection


@pytest.mark.parametrize(
    ("val", "expected"),
    [
        ({"iou": 0.7, "rmse": 0.2, "mae": 0.9}, (0.7 + 0.8) / 2),
        ({"iou": 0.7, "dice": 0.1}, 0.7),
        ({"rmse": 0.2}, 0.8),
    ],
)
def test_the_epoch_is_chosen_by_iou_and_rmse_as_far_as_they_are_trained(val, expected):
    assert selection.score(val) == pytest.approx(expected, rel=1e-15)


def test_the_arithmetic_of_published_studies():
    # As Python computes it, to the last digit: figures of the quick grid.
    iou, rmse = 0.7396801528489791, 0.23465681401315316
    assert selection.score({"iou": iou, "rmse": rmse}) == (iou + (1 - rmse)) / 2
