"""How far a study is: of every cell what there is, and which ones some run is at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.settings.cell import Cell
from bench.study import places
from bench.study.claims import held
from bench.study.plan import State, recorded_plan
from bench.study.results import Results

RUNNING, STARTED = "running", "begun"  # by a run that lives, or by one that has ended


@dataclass(frozen=True)
class CellStatus:
    """A cell and how far it is.

    Attributes:
        state: ``running``; ``begun`` and interrupted, with a checkpoint to go on from; a failure's
            kind; else as in `bench.study.plan.State`.
        why: of a failed, stale or damaged one.
        claim: what the run says that is at it.
    """

    cell: Cell
    state: str
    why: str = ""
    claim: dict[str, Any] | None = None

    def left_s(self, now: datetime) -> float | None:
        """Return how long the training will take from now if it goes on as before."""
        claim = self.claim or {}
        if "step" not in claim or claim["step"] <= claim["first_step"]:
            return None
        past_s: float = (now - datetime.fromisoformat(claim["first_utc"])).total_seconds()
        done, left = claim["step"] - claim["first_step"], claim["steps"] - claim["step"]
        return past_s * float(left / done)


def status(results: Results) -> Iterator[CellStatus]:
    """Give the cells of the grid that was run last, in its order."""
    latest = results.grids[0]
    claims = dict(held(results.folder / places.CLAIMS))
    checkpoints = results.folder / places.CHECKPOINTS
    planned = recorded_plan(latest.grid, latest.provenance, results)
    for one in planned:
        cell_id = one.cell.id
        if cell_id in claims:
            yield CellStatus(one.cell, RUNNING, claim=claims[cell_id])
        elif one.state is State.FAILED and one.record is not None:
            yield CellStatus(one.cell, one.record.failure_kind, one.why)
        elif one.state is State.MISSING and (checkpoints / cell_id).is_dir():
            yield CellStatus(one.cell, STARTED)
        else:
            yield CellStatus(one.cell, one.state, one.why)
