"""A grid as a race: rows that are surely not the best get no more seeds.

What is decided follows from what the study holds of the cells, in the order of the grid's seeds,
and from nothing else: a run that goes on, a repeated one and a report come to the same decisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import InputError
from bench.settings import identity
from bench.statistics.race import still_racing
from bench.study.cell_scores import CellScores
from bench.study.comparison import panel_of
from bench.study.plan import PlannedCell, State
from bench.study.record import MetricContract
from bench.study.results import Race

LEAST_SEEDS = 3  # of a grid: with fewer, all have been run at the first look
NO_OUTCOME = {State.MISSING, State.DAMAGED}


@dataclass(frozen=True)
class Exit:
    """Why a row gets no more seeds.

    Attributes:
        seeds: after how many.
        why: in words, where it cannot be compared.
        better: the row that is better, where it can.
        error: of that comparison's look: the probability that the best row was put out there.
    """

    seeds: int
    why: str = ""
    better: str = ""
    error: float = 0.0

    def text(self, titles: Mapping[str, str]) -> str:
        """Return it in a line; ``titles`` are the rows' names."""
        why = self.why or f"{titles[self.better]} is better (error {percent(self.error)})"
        return f"out of the race after {self.seeds} seeds: {why}"


@dataclass(frozen=True)
class Look:
    """One look at all rows of the race: how many there were, and how many of them go on."""

    seeds: int
    rows: int
    going_on: int


@dataclass(frozen=True)
class Standing:
    """How far a race has come. A row is named by the digest of `Cell.row`.

    Attributes:
        asked: the ids of all cells that had to run up to the next look.
        looks: those that are over.
        racing: the rows that are in the race.
        exits: the other ones.
        is_over: whether no further cell will be asked for.
    """

    asked: frozenset[str]
    looks: tuple[Look, ...]
    racing: tuple[str, ...]
    exits: dict[str, Exit]
    is_over: bool


def standing(
    race: Race,
    contract: MetricContract,
    planned: Sequence[PlannedCell],
    scores: Mapping[str, CellScores],
    groups: Mapping[str, npt.NDArray[Any]],
) -> Standing:
    """Return how far a race has come.

    Runs that collapsed are left out of the comparison. A row leaves without one at the first look
    at which a run has failed or is stale, or all of them collapsed. The last look decides nothing:
    all seeds have been run by then.

    Args:
        race: by what rows are compared, when, and how surely.
        contract: what that metric is.
        planned: the cells of the grid in its order, and what the study holds of them.
        scores: what the tables of cells say, by the cell's id.
        groups: (N,) of each column of which no group is both trained and tested on.
    """
    rows: dict[str, list[PlannedCell]] = {}
    for one in planned:
        if one.cell.loss is not None:
            rows.setdefault(identity.digest(one.cell.row), []).append(one)
    asked = {one.cell.id for one in planned if one.cell.loss is None}
    racing, exits, looks = list(rows), dict[str, Exit](), list[Look]()
    compared: dict[str, list[CellScores]] = {}
    for look, seeds in enumerate(race.looks):
        runs = {name: rows[name][:seeds] for name in racing}
        asked |= {one.cell.id for of_row in runs.values() for one in of_row}
        is_open = any(one.state in NO_OUTCOME for of_row in runs.values() for one in of_row)
        if is_open or seeds == race.looks[-1]:
            return Standing(frozenset(asked), tuple(looks), tuple(racing), exits, not is_open)
        for name, of_row in runs.items():
            problem = _problem(of_row, scores, race.metric, contract)
            if problem:
                exits[name] = Exit(seeds, problem)
                compared.pop(name, None)
            else:
                cells = [scores[one.cell.id] for one in of_row]
                compared[name] = [c for c in cells if contract.task not in c.collapsed]
        exits |= _beaten(race, look, compared, exits, contract, groups=groups)
        racing = [name for name in racing if name not in exits]
        looks.append(Look(seeds, len(runs), len(racing)))
        if len(racing) <= 1:
            break
    return Standing(frozenset(asked), tuple(looks), tuple(racing), exits, is_over=True)


def _problem(
    runs: Sequence[PlannedCell],
    scores: Mapping[str, CellScores],
    metric: str,
    contract: MetricContract,
) -> str:
    """Why a row cannot be compared by these runs; empty if it can."""
    for one in runs:
        if one.state is not State.CURRENT:
            return f"seed {one.cell.seed}: {one.state}"
        if one.cell.id not in scores:
            return f"seed {one.cell.seed} keeps no values of images"
    cells = [scores[one.cell.id] for one in runs]
    learnt = [cell for cell in cells if contract.task not in cell.collapsed]
    if not learnt:
        return "every run collapsed"
    return "" if all(metric in cell.values for cell in learnt) else f"has no {contract.label}"


def _beaten(
    race: Race,
    look: int,
    compared: Mapping[str, list[CellScores]],
    exits: Mapping[str, Exit],
    contract: MetricContract,
    *,
    groups: Mapping[str, npt.NDArray[Any]],
) -> dict[str, Exit]:
    """The rows that another one of the race is better than; none where they are not comparable."""
    names = list(compared)
    try:
        panel = panel_of(race.metric, list(compared.values()), groups)
    except InputError:
        return {}
    decision = still_racing(
        panel,
        np.array([name not in exits for name in names]),
        race.looks,
        look,
        higher_is_better=contract.higher_is_better,
        error=race.error,
    )
    return {
        name: Exit(decision.seeds, better=names[rival], error=decision.error)
        for name, rival in zip(names, decision.beaten_by, strict=True)
        if rival >= 0
    }


def percent(share: float) -> str:
    """Return a small probability as text: ``0.5 %``."""
    return f"{100 * share:.2g} %"
