import pytest

from bench.settings import Recipe
from bench.study.measurement import Point, Ratio, Sweep, Timing, TimingCase


def timing(median_s, *, spread=0.001, rounds=3):
    """Ten samples a round, evenly within ``spread`` of the median."""
    samples = [median_s * (1 + spread * (place - 4.5) / 4.5) for place in range(10)]
    return Timing.of([samples] * rounds)


def test_a_timing_by_hand():
    found = Timing.of([[1.0, 3.0, 2.0], [5.0, 4.0, 6.0]])
    assert (found.median_s, found.low_s, found.high_s) == (3.5, 1, 6)
    assert (found.p10_s, found.p90_s) == (1.5, 5.5)
    assert found.p99_s == pytest.approx(5.95)
    assert found.round_medians_s == (2, 5)
    assert found.drift == 1.5
    assert found.noisy
    assert found.samples_s == ((1, 3, 2), (5, 4, 6))


def test_a_narrow_timing_is_not_noisy_unless_it_never_became_steady():
    assert not timing(0.1).noisy
    assert timing(0.1, spread=0.1).noisy
    assert Timing.of([[0.1] * 10], steady=False).noisy


def test_a_ratio_is_of_speed_and_needs_intervals_apart():
    assert str(Ratio.of(timing(0.1), timing(0.2))) == "2.00x"
    assert str(Ratio.of(timing(0.2), timing(0.1))) == "0.50x"
    assert str(Ratio.of(timing(0.1, spread=0.2), timing(0.101, spread=0.2))) == "no difference"


def test_a_ratio_on_which_the_rounds_disagree_is_no_difference():
    ours = Timing.of([[1.0] * 10, [1.0] * 10, [1.2] * 4])
    theirs = Timing.of([[1.1] * 10, [1.1] * 10, [1.1] * 10])
    assert ours.high_s < theirs.low_s
    assert not Ratio.of(ours, theirs).differs


def test_too_few_samples_say_nothing():
    assert not Ratio.of(Timing.of([[1.0]]), Timing.of([[2.0]])).differs


def test_saturation_is_the_smallest_batch_within_five_percent_of_the_most():
    speeds = {1: 10, 2: 18, 4: 96, 8: 100, 16: 99}
    points = tuple(
        Point(batch_size=size, timing=Timing.of([[size / speed] * 6]))
        for size, speed in speeds.items()
    )
    assert Sweep(points=points, ended="").saturation.batch_size == 4


def test_a_subject_keeps_its_id_when_it_is_written_and_read(case):
    assert TimingCase.model_validate_json(case.model_dump_json()).id == case.id


def test_another_batch_size_or_variant_is_another_subject(case):
    larger = case.model_copy(update={"recipe": Recipe(epochs=1, batch_size=5)})
    compiled = case.model_copy(update={"variant": "compiled"})
    assert len({case.id, larger.id, compiled.id}) == 3
