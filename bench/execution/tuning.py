"""The search for the recipe of each architecture with each loss, by trials on validation images."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

from bench.errors import needs_extra
from bench.evaluation import selection
from bench.execution.grid_run import GridRun, Means, Precedents
from bench.randomness import stream_seed
from bench.settings import identity
from bench.settings.cell import Cell
from bench.settings.tuning import Interval
from bench.study.plan import PlannedCell, plan
from bench.study.record import Record
from bench.study.results import Results


def check_installed() -> None:
    """Make sure that there is what searches.

    Raises:
        InputError: Optuna is not installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise needs_extra("tune", "Optuna", "tune")


class Search:
    """The search for one row's recipe.

    The first half of its trials are drawn at random, the same for all rows of a grid; the others
    follow from these by the tree-structured Parzen estimator (Bergstra et al. 2011,
    https://papers.nips.cc/paper/4443). The same scores lead to the same trials.

    Args:
        trials: of the row, without what they try.
    """

    def __init__(self, trials: list[Cell]) -> None:
        optuna: Any = importlib.import_module("optuna")  # an optional extra
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        tuning = trials[0].tuning
        if tuning is None:
            raise ValueError("these are no trials")
        self.trials, self._tuning = trials, tuning
        self._spaces = {
            name: optuna.distributions.FloatDistribution(
                space.low, space.high, log=space.scale == "log"
            )
            if isinstance(space, Interval)
            else optuna.distributions.CategoricalDistribution(space)
            for name, space in tuning.spaces.items()
        }
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=(tuning.trials + 1) // 2,
            seed=stream_seed(trials[0].seed, "tuning") % 2**32,
        )
        self._study = optuna.create_study(direction="maximize", sampler=sampler)

    def ask(self) -> Cell:
        """Return the next trial, with what it tries."""
        self._asked = self._study.ask(self._spaces)
        trial: Cell = self.trials[self._asked.number]
        train = self._tuning.with_found(trial.train, self._asked.params)
        return trial.model_copy(update={"train": train})

    def tell(self, record: Record) -> None:
        """Learn from the trial that was asked for last; one that failed has the worst score."""
        score = selection.WORST if record.val_score is None else record.val_score
        self._study.tell(self._asked, score)


def tune(
    planned: Sequence[PlannedCell],
    results: Results,
    means: Means,
    *,
    is_due: Callable[[PlannedCell], bool],
    per_device: int | None,
    cells_after: int,
) -> int:
    """Run the trials of every row of which one is due, a trial of each row at a time.

    Where earlier trials have other scores than they had, those that follow from them are run again.

    Args:
        planned: the trials of a grid, row by row, and what the study holds of them.
        results: of the study.
        means: what the run works with.
        is_due: tells whether something has to be done about what a study holds.
        per_device: how many trials run side by side, see `GridRun.run`.
        cells_after: how many cells there are to run when all trials are over.

    Returns:
        The number of trials of these rows.
    """
    rows: dict[str, list[PlannedCell]] = {}
    for one in planned:
        rows.setdefault(identity.digest(one.cell.row), []).append(one)
    searches = [Search([one.cell for one in row]) for row in rows.values() if any(map(is_due, row))]
    total = sum(len(search.trials) for search in searches)
    for before in range(0, total, len(searches) or 1):
        asked = [search.ask() for search in searches]
        due = {
            one.cell.id
            for one in plan(asked, results, means.context.inventory.of)
            if is_due(one) or (one.record is not None and one.record.cell.found != one.cell.found)
        }
        GridRun(
            asked,
            due,
            results,
            Precedents(()),
            means,
            before=before,
            after=total - before - len(asked) + cells_after,
        ).run(per_device)
        results = means.study.load_or_empty()
        for search, trial in zip(searches, asked, strict=True):
            search.tell(results.trials[trial.id])
    return total
