"""What the benchmarks share: all cores to compute on, and how ways to train are compared."""

import os
import statistics

import loops
import pytest
import torch


@pytest.fixture(autouse=True)
def all_cores(request):
    """For what is timed; the other tests compute on one."""
    before = torch.get_num_threads()
    if "benchmark" in request.fixturenames:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    yield
    torch.set_num_threads(before)


@pytest.fixture
def race(benchmark, figure):
    """Times ways to train in turns and holds the first to so many times each other's speed.

    Of the ratios of the rounds the median counts; the table shows the lowest and the highest, too.
    """

    def run(title, ways, *, steps, rounds, at_least):
        found = benchmark.pedantic(loops.rates, (ways, steps, rounds), rounds=1)
        benchmark.extra_info |= {"images_per_s": found}
        (first, ours), *others = found.items()
        held = []
        for name, theirs in others:
            ratios = sorted(our / their for our, their in zip(ours, theirs, strict=True))
            speeds = [f"{statistics.median(rates):.4g}" for rates in (ours, theirs)]
            held.append(
                figure(
                    f"{title}: {first} / {name}",
                    statistics.median(ratios),
                    at_least=at_least,
                    remark=f"{ratios[0]:.3f} to {ratios[-1]:.3f}; {' / '.join(speeds)} images/s",
                )
            )
        assert all(held)

    return run
