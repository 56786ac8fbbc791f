import threading
import time
from queue import Queue

import pytest
import torch
from fake_machine import FakeMachine, Noise

from bench.study.measurement import Ratio
from bench.throughput import sampling
from bench.throughput.sampling import FULL, Effort, Sampling, Timer, sample, warm_up

PLAN = Effort(rounds=3, blocks=30, latencies=90, cap_s=6, warm_up_cap_s=5, thorough=False)


def test_a_sleep_of_known_length_is_timed_right(monkeypatch):
    monkeypatch.setattr(sampling, "WARM_UP_S", 0)
    plan = Effort(rounds=1, blocks=5, latencies=5, cap_s=0.3, warm_up_cap_s=0.2, thorough=False)
    timing = sample(lambda: time.sleep(0.004), Timer(lambda: None), plan)
    assert 0.004 <= timing.p10_s <= timing.median_s < 0.008


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
    timing = sample(lambda: torch.cuda._sleep(cycles), timer, sampling.GLANCE)
    assert timing.median_s == pytest.approx(by_events_s, rel=0.05)


def test_work_that_is_only_queued_does_not_look_faster():
    machine = FakeMachine(queues=True)
    timing = sample(lambda: machine.run(0.005), machine.timer, PLAN)
    assert timing.median_s == pytest.approx(0.005, rel=1e-3)
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
    run_s, steady = warm_up(lambda: machine.run(0.1), machine.timer, least_s=1, cap_s=600)
    assert steady
    assert machine.runs > 200
    assert run_s == pytest.approx(0.1 * 0.99**200)


def test_warm_up_gives_up_at_its_cap_and_says_so():
    machine = FakeMachine()
    machine.factor = lambda: 1.02**machine.runs
    _, steady = warm_up(lambda: machine.run(0.001), machine.timer, least_s=1, cap_s=5)
    assert not steady


def test_a_first_run_that_compiles_spoils_no_figure():
    machine = FakeMachine()
    machine.factor = lambda: 10_000 if machine.runs == 1 else 1
    timing = sample(lambda: machine.run(0.01), machine.timer, PLAN)
    assert timing.p99_s == pytest.approx(0.01)
    assert not timing.noisy


def test_a_warm_up_that_never_steadied_makes_the_figure_noisy():
    machine = FakeMachine()
    machine.factor = lambda: 1.02**machine.runs if machine.now < 5.5 else 3.0
    timing = sample(lambda: machine.run(0.001), machine.timer, PLAN)
    assert timing.high_s - timing.low_s < 0.01 * timing.median_s
    assert timing.noisy


def test_blocks_last_fifty_milliseconds_even_if_single_runs_seem_longer():
    """Side by side these runs take a tenth of what a single one takes that is waited for."""
    machine = FakeMachine(queues=True)
    waited = machine.synchronize

    def synchronize():
        if machine.queued_s:
            machine.now += 0.009  # the way there and back
        waited()

    blocks = []
    timer = Timer(synchronize, machine.timer.clock)

    class Watched(Timer):
        def time(self, run, times=1):
            taken = super().time(run, times)
            blocks.append((times, taken))
            return taken

    watched = Watched(timer.synchronize, timer.clock)
    sample(lambda: machine.run(0.001), watched, PLAN)
    laid_out = [taken for times, taken in blocks if times == blocks[-1][0]]
    assert len(laid_out) >= 30
    assert min(laid_out) >= 0.05


def test_latency_waits_for_every_run():
    machine = FakeMachine(queues=True)
    latency = Sampling(lambda: machine.run(0.002), machine.timer, PLAN, one_by_one=True)
    for _ in range(PLAN.rounds):
        latency.visit()
    assert len(latency.timing().samples_s[0]) == 30  # runs, not blocks of them
    assert latency.timing().median_s == pytest.approx(0.002, rel=1e-3)


def test_a_steady_figure_stops_at_the_least_number_of_blocks():
    machine = FakeMachine()
    timing = sample(lambda: machine.run(0.01), machine.timer, PLAN)
    assert [len(samples) for samples in timing.samples_s] == [10, 10, 10]
    assert not timing.noisy


def test_a_restless_figure_goes_on_to_the_cap_and_is_marked_noisy():
    machine = FakeMachine()
    machine.factor = lambda: 1 + 0.5 * (machine.runs % 2)
    timing = sample(lambda: machine.run(0.1), machine.timer, PLAN)
    assert [sum(samples) for samples in timing.samples_s] == pytest.approx([2, 2, 2], abs=0.15)
    assert timing.noisy


@pytest.mark.parametrize(
    ("seconds", "samples"),
    [(1, [2, 2, 2]), (3, [1, 1]), (100, [1])],  # of a cap of 6 s: 2 s a round
)
def test_long_runs_are_sampled_in_no_more_rounds_than_the_cap_allows(seconds, samples):
    machine = FakeMachine()
    timing = sample(lambda: machine.run(seconds), machine.timer, PLAN)
    assert [len(found) for found in timing.samples_s] == samples
    assert timing.noisy


def compared(seed, ratio):
    """Two networks that take turns on a noisy machine, the second ``ratio`` times as slow."""
    noise = Noise(seed)
    machine = noise.machine
    first = Sampling(lambda: machine.run(0.005), machine.timer, FULL)
    second = Sampling(lambda: machine.run(0.005 * ratio), machine.timer, FULL)
    for _ in range(FULL.rounds):
        first.visit()
        second.visit()
    return Ratio.of(second.timing(), first.timing())


def test_a_network_does_not_differ_from_itself():
    same = [str(compared(seed, ratio=1)) for seed in range(100)]
    assert same.count("no difference") >= 95


def test_a_network_differs_from_one_that_is_slower_by_a_twentieth():
    different = [compared(seed, ratio=1.05) for seed in range(20)]
    assert sum(ratio.differs for ratio in different) >= 19
    assert all(0.93 < ratio.value < 0.98 for ratio in different)
