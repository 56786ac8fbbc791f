"""How often the intervals, ranks and races of bench.statistics are right where the truth is known.

``python -m tests.simulations.coverage [REPEATS]`` prints the tables of
docs/explanation/statistics.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from bench.statistics.intervals import difference, mean_of
from bench.statistics.panel import Panel
from bench.statistics.race import looks_of
from bench.statistics.ranks import rank
from bench.statistics.spread import Spread
from tests.replayed_race import replay
from tests.simulated_worlds import World

WIDTHS = 200  # of how many intervals the width is taken


@dataclass(frozen=True)
class Case:
    """A world, and between which shares its intervals are known to hold the truth."""

    name: str
    world: World
    least: float = 0.93
    most: float = 1.0


def _plain(seeds: int, most: float) -> list[Case]:
    return [
        Case(
            f"{seeds} seeds, {images} images, seed sd {sd}",
            World(seeds=seeds, images=images, seed_sd=sd),
            most=most,
        )
        for images, sd in ((180, 0.25), (180, 1.0), (180, 3.0), (1000, 0.25), (1000, 3.0))
    ]


GROUPED = World(seeds=5, images=300, groups=(15,), group_row_sd=4)
CASES = [
    *_plain(2, 1.0),
    *_plain(3, 0.985),
    *_plain(5, 0.975),
    *_plain(10, 0.97),
    Case("3 seeds, 100 images, 2 % failures", World(images=100, failures=0.02), 0.88),
    Case("3 seeds, skewed", World(skewed=True), 0.925),
    Case("5 seeds, skewed", World(seeds=5, seed_sd=0.25, skewed=True), 0.925),
    Case("10 seeds, skewed", World(seeds=10, seed_sd=0.25, skewed=True), 0.925),
    Case("3 and 5 seeds", World(seeds=(3, 5), seed_sd=(2.0, 0.5))),
    Case("2 and 10 seeds", World(seeds=(2, 10))),
    Case("3 seeds, 40 groups", World(images=400, groups=(40,))),
    Case("5 seeds, 15 groups", GROUPED),
    Case("5 seeds, 15 skewed groups", replace(GROUPED, skewed=True), 0.91),
    Case("3 seeds, groups of two columns, 25 and 20", World(images=400, groups=(25, 20))),
]


@dataclass(frozen=True)
class Covered:
    """How often an interval held the truth, and how wide it was beside the ideal one."""

    share: float
    width: float


def others(panel: Panel) -> list[Spread]:
    """Return the spread of the first row's mean by its images alone, by its seeds, and by one t."""
    both = mean_of(panel, 0).spread
    images = mean_of(Panel([panel.image_means[:1]], panel.groups), 0).spread
    freedom = both.variance**2 / (
        both.seed_variance**2 / both.seed_freedom + both.image_variance**2 / both.image_freedom
    )
    seeds = replace(both, image_variance=0.0)
    one = Spread(both.variance, freedom, 0.0, 1.0)
    return [images, seeds, one]


def coverage_of_others(world: World, repeats: int, rng: np.random.Generator) -> list[float]:
    """Return how often intervals that count one source alone, or both by one t, hold the mean."""
    held = []
    for _ in range(repeats):
        panel = world.panel(rng)
        off = abs(panel.means[0] - world.means[0])
        held.append([spread.within(off) <= 0.95 for spread in others(panel)])
    return np.mean(held, axis=0).tolist()


def coverage(world: World, repeats: int, rng: np.random.Generator) -> tuple[Covered, Covered]:
    """Return the coverage of the first row's mean, and of its difference to the second row."""
    found = [[], []]
    for _ in range(repeats):
        panel = world.panel(rng)
        found[0].append(mean_of(panel, 0))
        found[1].append(difference(panel, 0, 1))
    truths = (world.means[0], world.means[0] - world.means[1])
    return tuple(_covered(*pair) for pair in zip(found, truths, strict=True))


def _covered(intervals, truth):
    # the same as low <= truth <= high, without looking for the two ends
    held = [each.spread.within(abs(each.estimate - truth)) <= each.level for each in intervals]
    ideal = 1.96 * np.std([each.estimate for each in intervals])
    widths = [each.half_width for each in intervals[:WIDTHS]]
    return Covered(float(np.mean(held)), float(np.mean(widths) / ideal))


@dataclass(frozen=True)
class Ranked:
    """How often any difference was false, and how often a row's rank lay in its interval."""

    false: float
    ranks: float


def ranking(world: World, repeats: int, rng: np.random.Generator) -> Ranked:
    """Return how the simultaneous comparison of a world's rows did."""
    means = np.array(world.means)
    true_rank = 1 + (means[:, None] > means).sum(axis=0)
    worse = means[:, None] <= means  # to call the first of such a pair better is false
    false, held = [], []
    for _ in range(repeats):
        found = rank(world.panel(rng), rng)
        false.append((found.better & worse).any())
        held.append(np.mean((found.low <= true_rank) & (true_rank <= found.high)))
    return Ranked(float(np.mean(false)), float(np.mean(held)))


RANKINGS = {
    f"{rows} rows{what}, {seeds} seeds": World(means=means, seeds=seeds, seed_sd=sd)
    for rows in (4, 8, 16)
    for seeds in (2, 3, 5)
    for what, means, sd in (
        (", all equal", (0.0,) * rows, 1.0),
        (", all equal, seed sd .5 to 4", (0.0,) * rows, tuple(np.geomspace(0.5, 4, rows))),
        (", one seed sd apart", tuple(np.arange(rows, dtype=float)), 1.0),
    )
}


@dataclass(frozen=True)
class Raced:
    """How often a race kept the best row of the full design, and which share of runs it took."""

    kept: float
    used: float


def races(spread: float, repeats: int, rng: np.random.Generator, rows: int = 16) -> Raced:
    """Return how races did over rows whose true sd is ``spread`` times that of the seeds."""
    looks = looks_of(10)
    added = np.diff([0, *looks])
    kept, used = [], []
    for _ in range(repeats):
        panel = World(means=tuple(spread * rng.standard_normal(rows)), seeds=10).panel(rng)
        decisions = replay(panel, looks)
        kept.append(decisions[-1].racing[np.argmax(panel.means)])
        racing = [rows, *(decision.racing.sum() for decision in decisions)][: len(decisions)]
        used.append(added[: len(decisions)] @ racing / (rows * looks[-1]))
    return Raced(float(np.mean(kept)), float(np.mean(used)))


def write_row(*cells: str) -> None:
    """Write a row of a markdown table, at once."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def write_head(*cells: str) -> None:
    """Write a table's head, whose first column is text."""
    sys.stdout.write("\n")
    write_row(*cells)
    write_row("---", *["--:"] * (len(cells) - 1))


def main() -> None:
    """Print the tables."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    alone = ("images alone", "seeds alone", "both by one t")
    write_head(f"world ({repeats:,} times)", "mean", "width", "difference", "width", *alone)
    for case in CASES:
        found = coverage(case.world, repeats, np.random.default_rng(0))
        cells = [text for each in found for text in (f"{each.share:.1%}", f"{each.width:.2f}")]
        shares = coverage_of_others(case.world, repeats, np.random.default_rng(0))
        write_row(case.name, *cells, *(f"{share:.1%}" for share in shares))
    repeats //= 4
    write_head(f"comparison ({repeats:,} times)", "any false", "rank held")
    for name, world in RANKINGS.items():
        ranked = ranking(world, repeats, np.random.default_rng(0))
        write_row(name, f"{ranked.false:.1%}", f"{ranked.ranks:.1%}")
    repeats //= 2
    write_head(f"race of 16 rows ({repeats:,} times)", "best kept", "runs used")
    for spread in (6, 4, 2, 1, 0.5):
        raced = races(spread, repeats, np.random.default_rng(0))
        write_row(f"true sd {spread} times the seeds'", f"{raced.kept:.1%}", f"{raced.used:.0%}")


if __name__ == "__main__":
    main()
