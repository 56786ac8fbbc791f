"""A machine with a clock of its own, so that hours of timing take no time."""

from __future__ import annotations

import math
import random

from bench.machine.load import Used
from bench.throughput.sampling import Sampling, Timer

SLOWER = 50  # times, of two threads that wait for each other while another program has a core


class FakeMachine:
    """Runs take ``run_s``, times ``factor()``; queued ones only once they are waited for.

    Args:
        factor: of every run.
        queues: whether a run returns before it is done.
        bursts: (start, end) of when another program has one of the cores, in order.
        tells: whether the system tells how long a thread waited for a core.
    """

    def __init__(self, factor=lambda: 1.0, *, queues=False, bursts=(), tells=True):
        self.now = self.cpu_s = self.waited_s = 0.0
        self.factor = factor
        self.queues = queues
        self.queued_s = 0.0
        self.runs = 0
        self.bursts = list(bursts)
        self.tells = tells
        self.timer = Timer(synchronize=self.synchronize, clock=lambda: self.now, used=self.used)

    def run(self, run_s):
        self.runs += 1
        if self.queues:
            self.now += 1e-6
            self.queued_s += run_s * self.factor()
        else:
            self.compute(run_s * self.factor())

    def compute(self, left_s):
        """Go on computing on two cores, in bursts on what is left of them."""
        while left_s > 0:
            while self.bursts and self.bursts[0][1] <= self.now:
                self.bursts.pop(0)
            start, end = self.bursts[0] if self.bursts else (math.inf, math.inf)
            disturbed = start <= self.now
            took_s = min(
                (end if disturbed else start) - self.now, left_s * (SLOWER if disturbed else 1)
            )
            self.now += took_s
            left_s -= took_s / (SLOWER if disturbed else 1)
            self.cpu_s += took_s * (1 if disturbed else 2)
            self.waited_s += took_s / 2 * disturbed

    def hang(self, seconds):
        """Stand still, as when a virtual machine is moved: nobody computes, nobody waits."""
        self.now += seconds

    def synchronize(self):
        self.compute(self.queued_s)
        self.queued_s = 0.0

    def used(self):
        return Used(self.cpu_s, {"1": self.waited_s} if self.tells else None)


class Noise:
    """Runs that vary by 2 %, on a machine that drifts by 3 % within a minute.

    Beside that its speed is another by 0.5 % every two seconds, about as long as a visit lasts.
    """

    def __init__(self, seed, **machine):
        self.random = random.Random(seed)
        self.machine = FakeMachine(self, **machine)
        self.levels = {}

    def __call__(self):
        drift = 1 + 0.03 * math.sin(self.machine.now / 10)
        window = int(self.machine.now / 2)
        level = self.levels.setdefault(window, math.exp(self.random.gauss(0, 0.005)))
        return drift * level * math.exp(self.random.gauss(0, 0.02))


def bursts(seed, until_s):
    """Another program that computes for 0.1 to 5 s again and again, and rests as long."""
    rng, now, found = random.Random(seed), 0.0, []
    while now < until_s:
        start = now + rng.uniform(0.1, 5)
        now = start + rng.uniform(0.1, 5)
        found.append((start, now))
    return found


def sampled(run, machine, plan, **how):
    """What a figure comes to in as many visits as the plan has rounds."""
    sampling = Sampling(run, machine.timer, plan, **how)
    for number in range(1, plan.rounds + 1):
        sampling.visit(number)
    return sampling.timing()
