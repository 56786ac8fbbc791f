"""When a gate fails: by certain regressions, and by what could not be compared."""

from dataclasses import dataclass

import pytest

from bench.errors import InputError
from bench.report.studies.gate import judge, parse


@dataclass
class Change:
    """A change of a row, whose interval is given."""

    title: str = "unet, bce"
    span: tuple[float, float] | None = None
    problem: str = ""
    shown: str = "shown"


def outcome(condition, *changes):
    """How many rows fail, are undecided, and pass."""
    found = judge(parse(condition, ["iou", "rmse"]), changes)
    return len(found.failed), len(found.undecided), found.passed


@pytest.mark.parametrize(
    ("condition", "span", "expected"),
    [
        ("iou < -0.01", (-0.03, -0.011), (1, 0, 0)),
        ("iou < -0.01", (-0.03, -0.01), (0, 1, 0)),
        ("iou < -0.01", (-0.01, 0.03), (0, 0, 1)),
        ("iou < -0.01", (-0.001, 0.001), (0, 0, 1)),
        ("rmse > 0.01", (0.011, 0.02), (1, 0, 0)),
        ("rmse > 0.01", (0.0, 0.02), (0, 1, 0)),
        ("rmse > 1e-2", (-0.02, 0.01), (0, 0, 1)),
        ("training_images_per_s < -10%", (-0.2, -0.11), (1, 0, 0)),
        ("training_images_per_s<-10%", (-0.2, -0.09), (0, 1, 0)),
        ("latency_ms > +10 %", (0.05, 0.09), (0, 0, 1)),
    ],
)
def test_a_row_fails_if_its_whole_interval_lies_beyond(condition, span, expected):
    assert outcome(condition, Change(span=span)) == expected


def test_a_row_that_b_lacks_fails_whatever_the_others_do():
    sound = Change(span=(-0.001, 0.001))
    found = judge(
        parse("iou < -0.01", ["iou"]),
        [sound, Change(title="unet, l1", problem="B has no such row")],
    )
    assert found.failed == ("unet, l1: shown, B has no such row",)
    assert found.passed == 1


def test_a_gate_that_compares_nothing_fails():
    assert outcome("iou < -0.01") == (1, 0, 0)
    assert outcome("iou < -0.01", Change(shown="")) == (1, 0, 0)
    found = judge(parse("iou < -0.01", ["iou"]), [])
    assert found.failed == ("nothing could be compared: no row has a figure in both studies",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("iou", "give a metric, < or >, and a difference"),
        ("iou < x", "give a metric, < or >, and a difference"),
        ("iou < nan", "give a metric, < or >, and a difference"),
        ("iou <= -0.01", "give a metric, < or >, and a difference"),
        ("iuo < -0.01", "no metric iuo; did you mean 'iou'"),
        ("training_images_per_second < -10%", "did you mean 'training_images_per_s'"),
        ("iou < -1%", "iou takes a difference, as -0.01"),
        ("latency_ms > 3", "latency_ms takes a share of A, as -10%"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(text, told):
    with pytest.raises(InputError) as error:
        parse(text, ["iou", "rmse"])
    assert told in str(error.value)
    assert "\n" not in str(error.value)
