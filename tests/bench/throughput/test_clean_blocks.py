"""Which blocks count, and what follows from them."""

import math

import pytest
import study_maker

from bench.study.timing import Block, Round, Timing

CLEAN = {"cpu_share": 2.0, "waited_share": 0.004}


def timing(*rounds, crowded=False):
    """Rounds of blocks, each seconds with what is not as in a clean block."""
    return Timing(
        rounds=tuple(
            Round(
                number=number,
                blocks=tuple(Block(runs_s=(s,), **CLEAN | more) for s, more in blocks),
            )
            for number, blocks in enumerate(rounds, 1)
        ),
        crowded=crowded,
    )


def test_the_figure_is_the_median_of_the_rounds_medians():
    found = study_maker.timing([1.0, 3.0, 2.0], [5.0, 4.0, 60.0], [2.5] * 3)
    assert found.by_round == {1: 2, 2: 5, 3: 2.5}
    assert found.seconds.value == 2.5
    assert found.counts == (9, 9)
    assert found.withheld is None


@pytest.mark.parametrize(
    "disturbed",
    [
        {"waited_share": 0.03},  # another program had the core
        {"stolen_share": 0.03},  # the host of this virtual machine had it
        {"waited_share": None, "cpu_share": 1.4},  # all that some systems tell
        {"foreign_processes": 1},
        {"clock_mhz": 1200},
    ],
)
def test_a_disturbed_block_does_not_count(disturbed):
    calm = {"clock_mhz": 1400} if "clock_mhz" in disturbed else {}
    block = (1.0, calm)
    found = timing([block, (9.0, disturbed), (9.0, disturbed)], [block] * 3, [block] * 3)
    assert found.by_round == {1: 1, 2: 1, 3: 1}
    assert found.counts == (7, 9)
    assert found.seconds.value == 1


@pytest.mark.parametrize(
    "calm",
    [
        {"waited_share": 0.015},
        {"others_share": 0.9},  # on cores that this process did not need
        {"waited_share": None, "cpu_share": 1.6},
        {"waited_share": None, "cpu_share": None},  # of an earlier version of this project
        {"foreign_processes": 0, "clock_mhz": 1300},
    ],
)
def test_what_is_within_the_noise_of_a_quiet_machine_counts(calm):
    block = (1.0, {"clock_mhz": 1400} if "clock_mhz" in calm else {})
    assert timing([block, (1.0, calm)]).counts == (2, 2)


def test_a_process_that_waits_for_a_gpu_tells_nothing_by_its_processor_time():
    shares = [{"waited_share": None, "cpu_share": share} for share in (0.1, 0.4)]
    assert timing([(1.0, share) for share in shares]).counts == (2, 2)


def test_where_a_process_waits_for_itself_what_others_took_counts():
    itself = {"waited_share": 0.5, "others_share": 0.0}
    others = {"waited_share": 0.5, "others_share": 0.1}
    assert timing([(1.0, itself), (1.0, others)], crowded=True).counts == (1, 2)
    assert timing([(1.0, itself), (1.0, others)]).counts == (0, 2)


DISTURBED = (9.0, {"waited_share": 0.5})


@pytest.mark.parametrize(
    ("clean", "reason"),
    [
        ((6, 6, 6), None),
        ((2, 2, 2), None),
        ((3, 0, 3), None),
        ((1, 1, 1), "disturbed: 3 of 18 blocks clean"),
        ((6, 0, 0), "disturbed: 6 of 18 blocks clean"),  # one round says nothing of the others
        ((0, 0, 0), "disturbed: 0 of 18 blocks clean"),
    ],
)
def test_a_figure_that_cannot_be_had_cleanly_is_withheld(clean, reason):
    found = timing(*([(1.0, {})] * count + [DISTURBED] * (6 - count) for count in clean))
    assert found.withheld == reason
    assert (found.seconds is None) == (reason is not None)
    assert (found.p99_s is None) == (reason is not None)
    assert (found.times_as_fast({1: 2.0, 2: 2.0, 3: 2.0}) is None) == (reason is not None)


def test_few_blocks_of_long_runs_are_a_figure_if_all_of_them_are_clean():
    found = timing([(20.0, {})], [(21.0, {})])
    assert found.seconds.value == 20.5
    assert timing([(20.0, {})]).seconds == (20.0, None, None)
    assert timing([(20.0, {})], [DISTURBED]).withheld == "disturbed: 1 of 2 blocks clean"


def test_a_round_in_which_the_machine_drifted_does_not_count():
    found = timing([(1.0, {})] * 6, [(1.2, {})] * 6, [(1.0, {})] * 6).with_drift({2})
    assert found.by_round == {1: 1, 3: 1}
    assert found.counts == (12, 18)
    assert found.good_rounds() == 2
    assert found.with_drift(set()).counts == (18, 18)


def test_the_ratio_pairs_what_was_measured_in_the_same_rounds():
    ours = timing(*([(2.0 * scale, {})] * 6 for scale in (1, 1.5, 3)))
    ratio = ours.times_as_fast({1: 1.0, 2: 1.5, 3: 3.0, 4: 100.0})
    assert ratio.value == 0.5
    assert ratio.half_width == pytest.approx(0.005, rel=0.01)  # 1 %, for other processes
    assert ratio.differs_from_one
    # two rounds: Student's t of one degree of freedom, and the sd of 1 and 1.02 in logarithms
    one = ours.times_as_fast({1: 2.0, 2: 3.06})
    half = 12.706 * math.log(1.02) / 2**0.5 / 2**0.5 + math.log(1.01)
    assert one.high == pytest.approx(math.sqrt(1.02) * math.exp(half), rel=1e-3)
    assert not one.differs_from_one
    assert not ours.times_as_fast({1: 9.0}).differs_from_one  # one round alone says nothing
