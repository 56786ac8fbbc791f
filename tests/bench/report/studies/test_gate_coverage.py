"""How often chance fails a gate, and how often a real fall does, in simulated studies."""

import numpy as np
import pytest

from bench.report.studies.gate import judge, parse
from bench.report.studies.scores import ScoreChange, _Draft, _with_intervals
from bench.statistics.panel import Panel

pytestmark = pytest.mark.slow

RUNS, IMAGES = 400, 200
LIMIT = parse("iou < -0.01", ["iou"])


def failed(rows, seeds, fall):
    """How many rows fail in each of some simulated pairs of studies, (RUNS,)."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(RUNS):
        drafts = []
        for _ in range(rows):
            by_seed, by_image = random.normal(0, 0.005, (seeds, 1)), random.normal(0, 0.05, IMAGES)
            left = random.normal(0, 0.05, (seeds, IMAGES))
            apart = Panel([-fall + by_seed + by_image + left])
            drafts.append(_Draft(ScoreChange("a row"), (apart,)))
        found.append(len(judge(LIMIT, _with_intervals(drafts)).failed))
    return np.array(found)


@pytest.mark.parametrize(("rows", "seeds"), [(1, 3), (4, 3), (16, 3), (16, 2)])
def test_chance_seldom_fails_a_gate_of_many_rows(rows, seeds):
    """At the limit itself 2.5 % may fail: of 400 that is 10, and rarely more than 19."""
    assert (failed(rows, seeds, 0.01) > 0).sum() <= 19


@pytest.mark.parametrize("rows", [1, 4, 16])
def test_three_seeds_are_enough_to_find_a_real_fall(rows):
    assert failed(rows, 3, 0.06).mean() > 0.8 * rows
