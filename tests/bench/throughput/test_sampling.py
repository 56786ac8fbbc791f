import threading
import time
from queue import Queue

import pytest
import torch
from fake_machine import FakeMachine, Noise, sampled

from bench.errors import TrainingError
from bench.machine.load import Used
from bench.study.measurement import DeviceState
from bench.throughput import sampling
from bench.throughput.sampling import FULL, QUICK, Effort, Sampling, Timer, sample_s, warm_up

PLAN = Effort(3, blocks=10, cap_s=2, patience_s=6, warm_up_cap_s=5, thorough=False)
CALM = Used(0.0, {"1": 0.0})


def values(timing):
    """The seconds of each block, by round."""
    return [[block.run_s for block in visit.blocks] for visit in timing.rounds]


def test_a_sleep_of_known_length_is_timed_right(monkeypatch):
    monkeypatch.setattr(sampling, "WARM_UP_S", 0)
    plan = Effort(1, blocks=5, cap_s=0.3, patience_s=0, warm_up_cap_s=0.2, thorough=False)
    timer = Timer(lambda: None, used=lambda: CALM)  # whatever else the machine does meanwhile
    assert 0.004 <= sample_s(lambda: time.sleep(0.004), timer, plan) < 0.008


@pytest.mark.gpu
def test_a_kernel_of_known_length_is_timed_right_on_the_gpu():
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    timer = Timer(torch.cuda.synchronize)
    cycles = 20_000_000
    torch.cuda._sleep(cycles)
    started, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    started.record()
    torch.cuda._sleep(cycles)
    ended.record()
    torch.cuda.synchronize()
    by_events_s = started.elapsed_time(ended) / 1000
    seconds = sample_s(lambda: torch.cuda._sleep(cycles), timer, sampling.GLANCE)
    assert seconds == pytest.approx(by_events_s, rel=0.05)


def test_work_that_is_only_queued_does_not_look_faster():
    machine = FakeMachine(queues=True)
    timing = sampled(lambda: machine.run(0.005), machine, PLAN)
    assert timing.seconds.value == pytest.approx(0.005, rel=1e-3)
    assert timing.p99_s == pytest.approx(0.005, rel=1e-3)


def test_work_on_another_thread_is_waited_for():
    queue = Queue()

    def work():
        while queue.get() is not None:
            time.sleep(0.01)
            queue.task_done()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        assert Timer(lambda: None).time(lambda: queue.put(1), times=5) < 0.01  # the mistake
        queue.join()
        assert Timer(queue.join).time(lambda: queue.put(1), times=5) >= 0.05
    finally:
        queue.put(None)
        thread.join()


def test_warm_up_takes_ten_runs_and_a_second():
    slow, fast = FakeMachine(), FakeMachine()
    warm_up(lambda: slow.run(0.5), slow.timer, least_s=1, cap_s=60)
    warm_up(lambda: fast.run(0.001), fast.timer, least_s=1, cap_s=60)
    assert slow.runs == 10
    assert fast.now == pytest.approx(1, abs=0.002)


def test_warm_up_goes_on_until_two_windows_agree():
    """A clock that comes up to speed: each run takes 1 % less than the one before, 200 times."""
    machine = FakeMachine()
    machine.factor = lambda: 0.99 ** min(machine.runs, 200)
    seconds = warm_up(lambda: machine.run(0.1), machine.timer, least_s=1, cap_s=600)
    assert machine.runs > 200
    assert seconds[-1] == pytest.approx(0.1 * 0.99**200)


def test_warm_up_gives_up_at_its_cap():
    machine = FakeMachine()
    machine.factor = lambda: 1.02**machine.runs
    warm_up(lambda: machine.run(0.001), machine.timer, least_s=1, cap_s=5)
    assert 5 <= machine.now < 6


def test_a_first_run_that_compiles_spoils_no_figure():
    machine = FakeMachine()
    machine.factor = lambda: 10_000 if machine.runs == 1 else 1
    timing = sampled(lambda: machine.run(0.01), machine, PLAN)
    assert timing.p99_s == pytest.approx(0.01)


def test_blocks_last_fifty_milliseconds_even_if_single_runs_seem_longer():
    """Side by side these runs take a tenth of what a single one takes that is waited for."""
    machine = FakeMachine(queues=True)
    waited = machine.synchronize

    def synchronize():
        if machine.queued_s:
            machine.now += 0.009  # the way there and back
        waited()

    blocks = []

    class Watched(Timer):
        def block(self, run, times, *, one_by_one):
            found = super().block(run, times, one_by_one=one_by_one)
            blocks.append(found.run_s * times)
            return found

    machine.timer = Watched(synchronize, machine.timer.clock, machine.used)
    timing = sampled(lambda: machine.run(0.001), machine, PLAN)
    assert timing.counts == (30, 30)
    assert sum(taken >= 0.05 for taken in blocks) == 30  # the others were too short to count


def test_latency_waits_for_every_run():
    machine = FakeMachine(queues=True)
    timing = sampled(lambda: machine.run(0.002), machine, PLAN, one_by_one=True)
    runs = timing.rounds[0].blocks[0].runs_s
    assert len(runs) == 30  # in a block of 60 ms
    assert timing.seconds.value == pytest.approx(0.002, rel=1e-3)


def test_a_figure_stops_at_the_wanted_number_of_blocks():
    machine = FakeMachine()
    timing = sampled(lambda: machine.run(0.01), machine, PLAN)
    assert [len(visit.blocks) for visit in timing.rounds] == [10, 10, 10]


@pytest.mark.parametrize(
    ("seconds", "blocks"),
    [(0.5, [4, 4, 4]), (1, [2, 2, 2]), (3, [1, 1, 0]), (100, [1, 0, 0])],  # of a cap of 2 s
)
def test_long_runs_are_sampled_no_longer_than_the_cap_allows(seconds, blocks):
    machine = FakeMachine()
    timing = sampled(lambda: machine.run(seconds), machine, PLAN)
    assert [len(visit.blocks) for visit in timing.rounds] == blocks
    assert timing.seconds.value == pytest.approx(seconds)
    assert timing.good_rounds() == 3  # nothing is to be measured again


def hanging(machine, at_run, seconds=4.3):
    """Runs of 18 ms, one of which hangs."""

    def run():
        if machine.runs == at_run:
            machine.hang(seconds)
        machine.run(0.018)

    return run


@pytest.mark.parametrize("plan", [QUICK, FULL])
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("one_by_one", [True, False])
@pytest.mark.parametrize("at_run", [0, 5, *range(56, 62), 80])  # before, in, after the warm-up
def test_one_hang_moves_no_figure_and_ends_no_round(plan, tells, one_by_one, at_run):
    machine = FakeMachine(tells=tells)
    timing = sampled(hanging(machine, at_run), machine, plan, one_by_one=one_by_one)
    assert timing.seconds.value == pytest.approx(0.018)
    assert all(len(visit.blocks) >= plan.blocks for visit in timing.rounds)
    assert timing.seconds.half_width < 0.02 * 0.018


def test_a_hang_in_the_first_block_of_all_is_seen_by_the_processor_time_that_is_lacking():
    machine = FakeMachine(tells=False)
    timing = sampled(hanging(machine, at_run=60), machine, QUICK)
    clean, measured = timing.counts
    assert measured - clean == 1
    assert max(max(values(timing))) > 1


def test_disturbed_blocks_are_measured_again():
    machine = FakeMachine(bursts=[(1.2, 1.5)])
    timing = sampled(lambda: machine.run(0.01), machine, PLAN)
    assert timing.seconds.value == pytest.approx(0.01)
    assert timing.counts[0] == 30
    assert timing.counts[1] > 30
    assert min(block.waited_share for block in timing.rounds[0].blocks) == 0


def test_who_is_disturbed_all_the_time_gives_up_and_has_no_figure():
    machine = FakeMachine(bursts=[(0, 1e9)])
    timing = sampled(lambda: machine.run(0.01), machine, PLAN)
    assert timing.seconds is None
    assert timing.withheld == f"disturbed: 0 of {timing.counts[1]} blocks clean"
    # a warm-up of 5 s, two of an eighth, 6 s of patience, and three blocks
    assert machine.now < 25


def test_what_is_sampled_by_itself_is_no_figure_either_if_it_was_disturbed():
    machine = FakeMachine(bursts=[(0, 1e9)])
    with pytest.raises(TrainingError, match="disturbed: 0 of"):
        sample_s(lambda: machine.run(0.01), machine.timer, sampling.GLANCE)


def test_blocks_keep_what_the_system_told_as_shares_of_their_time():
    before = Used(10.0, {"1": 1.0, "2": 5.0}, 7, 100.0, 50.0, 3.0)
    after = Used(13.0, {"1": 1.5, "2": 5.1, "3": 0.2}, 9, 107.0, 51.0, 3.5)
    found = sampling._shares(before, after, 4.0)
    assert found == {
        "cpu_share": 0.75,
        "waited_share": 0.125,  # of the thread that waited longest
        "switches": 2,
        "others_share": pytest.approx((7 - 3 - 1 - 0.02) / 4),  # two ticks may be a mistake
        "stolen_share": 0.125,
    }
    assert sampling._shares(Used(1.0), Used(2.0), 4.0) == {"cpu_share": 0.25}


def test_a_block_on_a_gpu_keeps_its_clock_and_its_company():
    state = DeviceState(clock_mhz=1410, temperature_c=50, power_limit_w=400.0, foreign_processes=2)
    machine = FakeMachine()
    timer = Timer(machine.synchronize, lambda: machine.now, machine.used, lambda: state)
    block = timer.block(lambda: machine.run(0.1), 1, one_by_one=False)
    assert (block.clock_mhz, block.foreign_processes) == (1410, 2)


def compared(seed, ratio):
    """Two networks that take turns on a noisy machine, the second ``ratio`` times as slow."""
    noise = Noise(seed)
    machine = noise.machine
    first = Sampling(lambda: machine.run(0.005), machine.timer, FULL)
    second = Sampling(lambda: machine.run(0.005 * ratio), machine.timer, FULL)
    for number in range(1, FULL.rounds + 1):
        first.visit(number)
        second.visit(number)
    return second.timing().times_as_fast(first.timing().by_round)


def test_a_network_does_not_differ_from_itself():
    same = [compared(seed, ratio=1).differs_from_one for seed in range(100)]
    assert same.count(False) >= 95


def test_a_network_differs_from_one_that_is_slower_by_a_twentieth():
    different = [compared(seed, ratio=1.05) for seed in range(20)]
    assert sum(ratio.differs_from_one for ratio in different) >= 19
    assert all(0.93 < ratio.value < 0.98 for ratio in different)
