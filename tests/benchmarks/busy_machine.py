"""Whether throughput holds while another program takes one core in bursts.

The four networks of the quick grid are measured on the quiet machine, and then again and again
beside a process that computes for 0.1 to 5 s and rests as long, all the time. Each figure has to be
within 10 % of the quiet machine's, or withheld; each ratio to the reference within 5 %; at most a
third may be withheld. The reference takes part a second time, as a network like the others: its
ratio to itself should be said to be no difference.

Run as ``python tests/benchmarks/busy_machine.py [--repeats 20] [--quiet 3]`` on a machine that does
nothing else: 20 repeats take a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from bench.events import TimingDone
from bench.settings import grid_file
from bench.study.timing_case import INFERENCE, LATENCY, TimedTraining, TimingCase, training_figure
from bench.throughput import rounds
from bench.throughput.sampling import QUICK

GRID = Path(__file__).parents[2] / "grids" / "quick.yaml"
AGAIN = "the reference again"
BURST_S = (0.1, 5.0)
FIGURE, RATIO, WITHHELD = 0.10, 0.05, 1 / 3  # the bounds


def burn(seed: int) -> None:
    """Compute for a while and rest for a while, as long as the process that asked for it lives."""
    rng, parent = random.Random(seed), os.getppid()
    while os.getppid() == parent:
        until = time.monotonic() + rng.uniform(*BURST_S)
        while time.monotonic() < until:
            pass
        time.sleep(rng.uniform(*BURST_S))


@contextmanager
def burning(seed: int):
    process = multiprocessing.get_context("spawn").Process(target=burn, args=(seed,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def cases() -> dict[str, TimingCase]:
    """The networks, and the first of them again: what differs is a setting that changes no time."""
    question = grid_file.load(GRID)
    recipe, loss = question.train.recipes()[-1], question.losses[0]
    found = {
        architecture.name: TimingCase(
            architecture=architecture,
            trainings=(TimedTraining(loss=loss),),
            recipe=recipe,
            image_size=question.data.image_size,
        )
        for architecture in question.architectures
    }
    again = recipe.model_copy(update={"learning_rate": 2 * recipe.learning_rate})
    return found | {AGAIN: next(iter(found.values())).model_copy(update={"recipe": again})}


def measure(asked: dict[str, TimingCase]) -> dict[tuple[str, str], tuple]:
    """The figure and the ratio of each network and figure, as they would be reported."""
    names = {case.id: name for name, case in asked.items()}
    found = {}

    def listen(event: object) -> None:
        if isinstance(event, TimingDone) and event.measurement.is_complete:
            measured = event.measurement
            assert measured.failure is None, measured.failure
            (training,) = measured.case.trainings
            for figure in (INFERENCE, training_figure(training.loss), LATENCY):
                place = names[measured.case.id], measured.case.name_of(figure)
                found[place] = measured.seconds(figure), measured.times_as_fast(figure)

    device, every = torch.device("cpu"), list(asked.values())
    threads = torch.get_num_threads()
    rounds.measure(every, every[0], QUICK, device, threads=threads, limit_s=600, listen=listen)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=20, help="beside the other program")
    parser.add_argument("--quiet", type=int, default=3, help="without it")
    options = parser.parse_args()
    console, asked = Console(), cases()
    found: dict[str, dict[tuple[str, str], list[tuple]]] = {}
    for how, repeats in (("quiet", options.quiet), ("busy", options.repeats)):
        found[how] = defaultdict(list)
        for seed in range(repeats):
            started = time.monotonic()
            if how == "busy":
                with burning(seed):
                    measured = measure(asked)
            else:
                measured = measure(asked)
            for place, values in measured.items():
                found[how][place].append(values)
            withheld = sum(seconds is None for seconds, _ in measured.values())
            console.print(
                f"{how} {seed + 1} of {repeats}: {time.monotonic() - started:.0f} s, "
                f"{withheld} of {len(measured)} withheld"
            )
    sys.exit(not all(show(console, found["quiet"], found["busy"])))


def show(console: Console, quiet: dict, busy: dict) -> list[bool]:
    """Print a row a figure, and whether each bound holds."""
    table = Table(title="beside a program that takes a core in bursts")
    for heading in (
        "network",
        "figure",
        "quiet ms",
        "spread",
        "off by",
        "ratio off by",
        "withheld",
    ):
        table.add_column(heading, justify="left" if heading in ("network", "figure") else "right")
    figures, ratios, withheld, same = [], [], [], []
    for place, values in quiet.items():
        seconds, beside = zip(*values, strict=True)
        known = [s.value for s in seconds if s is not None]
        ratio = [r.value for r in beside if r is not None]
        if not known:
            console.print(f"{place}: withheld on the quiet machine, which is not quiet")
            return [False]
        middle = statistics.median(known)
        off = [abs(s.value / middle - 1) for s, _ in busy[place] if s is not None]
        ratio_off = [
            abs(r.value / statistics.median(ratio) - 1) for _, r in busy[place] if r is not None
        ]
        missing = [s is None for s, _ in busy[place]]
        if place[0] == AGAIN:
            same += [not r.differs_from_one for _, r in (*values, *busy[place]) if r is not None]
        table.add_row(
            *place,
            f"{1000 * middle:.2f}",
            f"{max(known) / min(known) - 1:.1%}",
            f"{max(off, default=0):.1%}",
            f"{max(ratio_off):.1%}" if ratio_off else "",
            f"{sum(missing)} of {len(missing)}",
        )
        figures, ratios, withheld = figures + off, ratios + ratio_off, withheld + missing
    console.print(table)
    lines = [
        (f"figures off by at most {FIGURE:.0%}", max(figures, default=0), FIGURE),
        (f"ratios off by at most {RATIO:.0%}", max(ratios, default=0), RATIO),
        (f"withheld at most {WITHHELD:.0%}", statistics.fmean(withheld), WITHHELD),
        ("a difference of a network from itself at most 5%", 1 - statistics.fmean(same), 0.05),
    ]
    for text, value, bound in lines:
        console.print(f"{'held' if value <= bound else 'NOT HELD'}: {text}: {value:.1%}")
    return [value <= bound for _, value, bound in lines]


if __name__ == "__main__":
    main()
