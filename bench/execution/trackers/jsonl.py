"""Runs as JSON lines: a file for each, which any program can read and follow."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from bench.execution.trackers.contract import Outcome, Run


class JsonLines:
    """A tracker that adds to ``<run's id>.jsonl``: one object a line, with its time and type.

    | type | further fields |
    |---|---|
    | begin | ``label``, ``parameters`` |
    | curve | ``step``, ``figures``; one that is not finite is null |
    | remark | ``text`` |
    | end | ``figures``, ``failure`` and its ``kind``, null where there is none |

    A cell that goes on after it was stopped has several ``begin``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, run: Run) -> None:
        """Begin a file, or go on with it, without the half line that a killed run leaves."""
        path = self._path(run)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        self._write(run, "begin", label=run.label, parameters=dict(run.parameters))

    def curve(self, run: Run, figures: Mapping[str, float], step: int) -> None:
        """Add a point."""
        self._write(run, "curve", step=step, figures=_finite(figures))

    def remark(self, run: Run, text: str) -> None:
        """Add what is said."""
        self._write(run, "remark", text=text)

    def end(self, run: Run, outcome: Outcome) -> None:
        """Add the final figures."""
        figures = _finite(outcome.figures)
        self._write(run, "end", figures=figures, failure=outcome.failure, kind=outcome.kind)

    def close(self) -> None:
        """Do nothing: each line is written when it is told."""

    def _write(self, run: Run, kind: str, /, **fields: JsonValue) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "type": kind, "run": run.id, **fields}, allow_nan=False)
        with self._path(run).open("ab") as file:
            file.write(line.encode() + b"\n")

    def _path(self, run: Run) -> Path:
        return self._folder / f"{run.id}.jsonl"


def _finite(figures: Mapping[str, float]) -> dict[str, JsonValue]:
    return {name: one if math.isfinite(one) else None for name, one in figures.items()}
