"""Which test images are shown, by hand calculation."""

import numpy as np

from bench.report.examples import Example, Judgement, choose

NAN = np.nan
# Of two rows and six images: means 0.85, 0.5, 0.65, 0.2, 0.75, 0.3, best first 0 4 2 1 5 3;
# standard deviations 0.05, 0.4, 0.05, 0.1, 0.05, 0.2.
IOU = Judgement(
    "IoU",
    np.array([[0.9, 0.9, 0.6, 0.3, 0.7, 0.1], [0.8, 0.1, 0.7, 0.1, 0.8, 0.5]]),
    higher_is_better=True,
)


def reasons(examples):
    return {example.place: example.reasons for example in examples}


def test_the_median_the_worst_and_the_most_different_are_those_by_hand():
    assert reasons(choose([IOU], 6)) == {
        0: ("drawn beforehand",),
        1: ("drawn beforehand", "rows differ most in IoU"),
        2: ("median IoU",),  # the better of the two in the middle
        3: ("worst IoU",),
    }


def test_where_less_is_better_the_highest_is_the_worst():
    error = Judgement("RMSE", IOU.values, higher_is_better=False)
    found = reasons(choose([error], 6))
    assert "worst RMSE" in found[0]
    assert found[1] == ("drawn beforehand", "median RMSE", "rows differ most in RMSE")


def test_of_an_odd_number_the_one_in_the_middle_is_the_median():
    odd = Judgement("IoU", IOU.values[:, :5], higher_is_better=True)  # best first 0 4 2 1 3
    assert reasons(choose([odd], 5))[2] == ("median IoU",)


def test_each_metric_chooses_for_itself():
    depth = Judgement(
        "RMSE", np.array([[0, 0, 0, 0, 0, 0.3], [0, 0, 0, 0, 0.2, 0.1]]), higher_is_better=False
    )
    found = reasons(choose([IOU, depth], 6))
    assert found[5] == ("worst RMSE",)
    assert found[4] == ("rows differ most in RMSE",)
    assert found[3] == ("worst IoU",)


def test_images_and_rows_without_a_value_do_not_count():
    values = IOU.values.copy()
    values[1, 3] = NAN  # the worst image has none of one row
    of_rows = np.vstack([values, np.full(6, NAN)])  # a row that was not trained for it
    found = reasons(choose([Judgement("IoU", of_rows, higher_is_better=True)], 6))
    assert found[5] == ("worst IoU",)
    assert 3 not in found
    nothing = Judgement("IoU", np.full((2, 6), NAN), higher_is_better=True)
    assert choose([nothing], 6) == choose([], 6)


def test_a_single_row_differs_from_none():
    alone = Judgement("IoU", IOU.values[:1], higher_is_better=True)
    assert not any("differ" in reason for e in choose([alone], 6) for reason in e.reasons)


def test_one_image_is_shown_once():
    one = Judgement("IoU", IOU.values[:, :1], higher_is_better=True)
    (found,) = choose([one], 1)
    assert found == Example(
        0, ("drawn beforehand", "median IoU", "worst IoU", "rows differ most in IoU")
    )
