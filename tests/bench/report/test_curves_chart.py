"""The chart of trainings: what is drawn, and what its table says of all epochs."""

from types import SimpleNamespace

from bench.report.charts.curves import MOST_EPOCHS, curves


def board_of(values):
    """A board of one row with one seed, whose IoU on the validation images these are."""
    curve = [SimpleNamespace(val={"iou": value}) for value in values]
    record = SimpleNamespace(training=SimpleNamespace(curve=curve))
    row = SimpleNamespace(title="a · b", architecture="a", loss="b", records=[record])
    column = SimpleNamespace(
        key="iou", name="IoU", title="IoU", is_score=True, higher_is_better=True, decimals=3
    )
    return SimpleNamespace(columns=[column], rows=[row], losses=["b"], architectures=["a"])


def test_the_best_epoch_is_told_even_if_it_is_not_drawn():
    values = [0.1] * 150
    values[100] = 0.9  # every third epoch is drawn: the 1st, 4th, ..., and the last
    (chart,) = curves(board_of(values))
    assert chart.body == (("a · b", "1", "0.100", "0.900 (epoch 101)", "0.100"),)
    assert "not every one is drawn" in chart.description


def test_all_epochs_of_a_short_training_are_drawn():
    (chart,) = curves(board_of([0.1] * MOST_EPOCHS))
    assert "not every one is drawn" not in chart.description
