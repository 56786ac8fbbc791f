"""How far a race has come is a function of what the study holds of its cells."""

from dataclasses import replace

import numpy as np
import pytest
import study_maker
from simulated_worlds import World

from bench.settings import Architecture, Data, LossPair, Train, identity
from bench.settings.grid import Grid
from bench.statistics.panel import Panel
from bench.statistics.race import still_racing
from bench.study.cell_scores import CellScores
from bench.study.plan import PlannedCell, State
from bench.study.race import Exit, standing
from bench.study.results import Race

NAMES = ("unet", "densenet", "autoencoder", "resnet50_upproj")
RACE = Race(metric="iou", looks=(2, 3, 5))
CONTRACT = study_maker.CONTRACTS["iou"]
CLEAR = World(means=(10, 50, 90, 90), seeds=5, seed_sd=0.5, row_sd=1, residual_sd=1)


class Held:
    """A grid of which a study holds all cells, with the values of a world."""

    def __init__(self, world=CLEAR, *, seeds=5):
        self.panel = world.panel(np.random.default_rng(1))
        networks = tuple(Architecture(name=name) for name in NAMES[: len(world.means)])
        self.grid = Grid(
            architectures=networks,
            losses=(LossPair(mask="bce"),),
            seeds=tuple(range(seeds)),
            data=Data(archive=("a.zip",)),
            train=Train(epochs=1),
        )
        self.planned, self.scores, self.rows = [], {}, {}
        for cell in self.grid.cells():
            self.planned.append(PlannedCell(cell, State.CURRENT))
            if cell.loss is not None:
                row = NAMES.index(cell.architecture.name)
                self.rows[cell.architecture.name] = identity.digest(cell.row)
                values = {"iou": self.panel.rows[row][cell.seed]}
                self.scores[cell.id] = CellScores(cell.id, "same", values, {}, {})

    def id_of(self, name, seed):
        cells = (one.cell for one in self.planned if one.cell.loss is not None)
        return next(c.id for c in cells if (c.architecture.name, c.seed) == (name, seed))

    def put(self, name, seed, state):
        cell_id = self.id_of(name, seed)
        self.planned = [
            replace(one, state=state) if one.cell.id == cell_id else one for one in self.planned
        ]

    def change(self, name, seed, **fields):
        cell_id = self.id_of(name, seed)
        self.scores[cell_id] = replace(self.scores[cell_id], **fields)

    def standing(self, race=RACE):
        return standing(race, CONTRACT, self.planned, self.scores, {})

    def exits(self):
        """Why each row left that did, by its network's name."""
        found = self.standing().exits
        return {name: found[row] for name, row in self.rows.items() if row in found}

    def asked(self, name):
        """How many seeds of a row are asked for."""
        return sum(self.id_of(name, seed) in self.standing().asked for seed in self.grid.seeds)


def test_rows_far_behind_leave_at_the_first_look_and_equal_ones_stay():
    held = Held()
    exits = held.exits()
    assert set(exits) == {"unet", "densenet"}
    best = {held.rows["autoencoder"], held.rows["resnet50_upproj"]}
    assert exits["unet"].better in best | {held.rows["densenet"]}
    assert exits["densenet"].better in best
    assert (exits["unet"].seeds, exits["unet"].error) == (2, pytest.approx(0.05 * 2 / 5))
    assert [held.asked(name) for name in NAMES] == [2, 2, 5, 5]
    assert [(look.seeds, look.rows, look.going_on) for look in held.standing().looks] == [
        (2, 4, 2),
        (3, 2, 2),
    ]
    assert held.standing().is_over


def test_what_is_decided_is_what_the_statistics_decide_look_by_look():
    held = Held(World(means=(0, 5, 8, 9), seeds=5, seed_sd=0.8, row_sd=2, residual_sd=3))
    racing, counts, left = np.ones(4, bool), np.zeros(4, int), {}
    for look, seeds in enumerate(RACE.looks[:-1]):
        counts[racing] = seeds
        rows = [row[:count] for row, count in zip(held.panel.rows, counts, strict=True)]
        decision = still_racing(Panel(rows), racing, RACE.looks, look)
        left |= {NAMES[row]: seeds for row in np.flatnonzero(racing & ~decision.racing)}
        racing = decision.racing
    assert len(set(left.values())) == 2  # some leave at the first look, some at the second
    assert {name: out.seeds for name, out in held.exits().items()} == left


def test_seeds_beyond_those_that_were_asked_for_change_nothing():
    held = Held()
    before = held.standing()
    for seed in (2, 3, 4):
        held.put("unet", seed, State.MISSING)
        held.change("densenet", seed, values={"iou": np.full(180, 1000.0)})
    assert held.standing() == before


def test_the_records_have_to_be_there_before_a_look_is_over():
    held = Held()
    held.put("autoencoder", 2, State.MISSING)
    assert set(held.exits()) == {"unet", "densenet"}
    assert [held.asked(name) for name in NAMES] == [2, 2, 3, 3]
    held.put("unet", 1, State.DAMAGED)
    assert held.exits() == {}
    assert [held.asked(name) for name in NAMES] == [2, 2, 2, 2]
    assert not held.standing().is_over


@pytest.mark.parametrize("state", [State.FAILED, State.STALE])
def test_a_row_with_a_seed_that_failed_or_is_stale_leaves_uncompared(state):
    held = Held()
    held.put("autoencoder", 1, state)
    assert held.exits()["autoencoder"] == Exit(2, f"seed 1: {state}")
    assert held.exits()["densenet"].better == held.rows["resnet50_upproj"]
    assert held.asked("autoencoder") == 2


def test_a_failure_after_a_look_counts_at_the_next_one():
    held = Held()
    held.put("autoencoder", 2, State.FAILED)
    assert held.exits()["autoencoder"] == Exit(3, "seed 2: failed")
    assert held.asked("resnet50_upproj") == 3  # it is the only one left


def test_the_last_row_gets_no_more_seeds_and_the_race_is_over():
    held = Held(World(means=(10, 50, 90), seeds=5, seed_sd=0.5, row_sd=1, residual_sd=1))
    assert set(held.exits()) == {"unet", "densenet"}
    assert held.standing().racing == (held.rows["autoencoder"],)
    assert held.standing().is_over
    assert held.asked("autoencoder") == 2


def test_collapsed_runs_are_left_out_and_a_row_of_nothing_else_leaves():
    held = Held()
    held.change("autoencoder", 0, values={"iou": np.zeros(180)}, collapsed={"mask": "empty"})
    assert set(held.exits()) == {"unet", "densenet"}
    held.change("autoencoder", 1, collapsed={"mask": "empty"})
    assert held.exits()["autoencoder"] == Exit(2, "every run collapsed")
    held = Held()
    held.change("autoencoder", 0, collapsed={"depth": "the same depth"})
    assert set(held.exits()) == {"unet", "densenet"}


def test_a_row_without_the_metric_or_without_values_leaves():
    held = Held()
    held.change("autoencoder", 0, values={})
    assert held.exits()["autoencoder"] == Exit(2, "has no IoU")
    del held.scores[held.id_of("autoencoder", 1)]
    assert held.exits()["autoencoder"] == Exit(2, "seed 1 keeps no values of images")


def test_nobody_leaves_where_rows_cannot_be_compared():
    held = Held()
    held.change("autoencoder", 0, images="others")
    assert held.exits() == {}
    assert [held.asked(name) for name in NAMES] == [5, 5, 5, 5]


def test_where_lower_is_better_the_others_leave():
    held = Held()
    held.scores = {i: replace(s, values={"rmse": s.values["iou"]}) for i, s in held.scores.items()}
    race = RACE.model_copy(update={"metric": "rmse"})
    contract = study_maker.CONTRACTS["rmse"]
    found = standing(race, contract, held.planned, held.scores, {})
    assert found.racing == (held.rows["unet"],)


def test_the_reason_is_one_line_with_the_rows_names():
    titles = {"a": "unet, bce"}
    text = Exit(3, better="a", error=0.005).text(titles)
    assert text == "out of the race after 3 seeds: unet, bce is better (error 0.5 %)"
    assert Exit(2, "every run collapsed").text({}) == (
        "out of the race after 2 seeds: every run collapsed"
    )
