"""How far each cell is, written into its claim: for `bench status`, and for other runs."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from bench.events import CellStarted, Event, StepDone
from bench.study.claims import Claims

PAUSE_S = 2.0  # between two notes about one cell


class ClaimedProgress:
    """A listener that keeps the claims of a run up to date."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._first: dict[str, tuple[int, str]] = {}  # of each cell, the first step, and when
        self._last: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Note what a cell has come to, every few seconds."""
        if isinstance(event, CellStarted):
            self._first.pop(event.cell.id, None)
            self._claims.note(event.cell.id)
        elif isinstance(event, StepDone):
            when, now = datetime.now(UTC).isoformat(timespec="milliseconds"), time.monotonic()
            first_step, first_utc = self._first.setdefault(event.cell_id, (event.step, when))
            if now - self._last.get(event.cell_id, 0.0) >= PAUSE_S:
                self._last[event.cell_id] = now
                self._claims.note(
                    event.cell_id,
                    teacher=event.teacher,
                    step=event.step,
                    steps=event.total,
                    first_step=first_step,
                    first_utc=first_utc,
                    images_per_s=round(event.images_per_s, 1),
                )
