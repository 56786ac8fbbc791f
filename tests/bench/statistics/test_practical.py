import pytest

from bench.statistics.intervals import Interval
from bench.statistics.practical import Verdict, verdict
from bench.statistics.spread import Spread

NORMAL = Spread(1.0, 1e7, 0.0, 1.0)  # half-widths: 1.960 at 95 %, 1.645 at 90 %


@pytest.mark.parametrize(
    ("estimate", "zone", "expected"),
    [
        (2.0, 0.0, Verdict.BETTER),
        (-2.0, 0.0, Verdict.WORSE),
        (1.9, 0.0, Verdict.OPEN),
        (0.3, 1.9, Verdict.OPEN),  # 0.3 + 1.645 > 1.9
        (0.2, 1.9, Verdict.EQUAL),  # 0.2 + 1.645 < 1.9, though 0.2 + 1.960 is not
        (-0.3, 1.9, Verdict.OPEN),
        (2.0, 3.7, Verdict.EQUAL),  # certain, and too small to matter
        (2.1, 3.7, Verdict.BETTER),
    ],
)
def test_verdicts_by_hand(estimate, zone, expected):
    assert verdict(Interval(estimate, NORMAL), zone) == expected


def test_where_lower_is_better_the_sides_change():
    assert verdict(Interval(2.0, NORMAL), higher_is_better=False) == Verdict.WORSE
    assert verdict(Interval(-2.0, NORMAL), higher_is_better=False) == Verdict.BETTER


def test_without_a_zone_two_rows_that_are_the_same_are_open():
    assert verdict(Interval(0.0, Spread(0.0, 1.0, 0.0, 1.0))) == Verdict.OPEN
