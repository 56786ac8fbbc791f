"""A machine with a clock of its own, so that hours of timing take no time."""

from __future__ import annotations

import math
import random

from bench.throughput.sampling import Timer


class FakeMachine:
    """Runs take ``run_s``, times ``factor()``; queued ones only once they are waited for."""

    def __init__(self, factor=lambda: 1.0, *, queues=False):
        self.now = 0.0
        self.factor = factor
        self.queues = queues
        self.queued_s = 0.0
        self.runs = 0
        self.timer = Timer(synchronize=self.synchronize, clock=lambda: self.now)

    def run(self, run_s):
        self.runs += 1
        if self.queues:
            self.now += 1e-6
            self.queued_s += run_s * self.factor()
        else:
            self.now += run_s * self.factor()

    def synchronize(self):
        self.now += self.queued_s
        self.queued_s = 0.0


class Noise:
    """Runs that vary by 2 %, on a machine that drifts by 3 % within a minute.

    Beside that its speed is another by 0.5 % every two seconds, about as long as a visit lasts.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.machine = FakeMachine(self)
        self.levels = {}

    def __call__(self):
        drift = 1 + 0.03 * math.sin(self.machine.now / 10)
        window = int(self.machine.now / 2)
        level = self.levels.setdefault(window, math.exp(self.random.gauss(0, 0.005)))
        return drift * level * math.exp(self.random.gauss(0, 0.02))
