"""Which checkpoints belong to a training: those of the same settings, data and code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bench.events import Listener, Remark
from bench.execution.context import RunContext
from bench.settings.cell import Cell
from bench.training.checkpoint import Checkpoints

PACKAGE = Path(__file__).parents[1]
COMPUTING = ("data", "evaluation", "machine", "randomness.py", "training")


def checkpoints_of(
    cell: Cell,
    place: str,
    context: RunContext,
    *,
    must_stop: Callable[[], bool],
    listen: Listener,
) -> Checkpoints:
    """Return where the training of a network is kept while it goes on.

    Args:
        cell: whose network; of a teacher, the cell that it would be by itself.
        place: the name of the folder.
        context: with the study's folder for checkpoints, and how often they are written.
        must_stop: tells whether the training has been asked to stop.
        listen: told why none can be written.
    """
    return Checkpoints(
        context.folder / place,
        identity_of(cell, context),
        interval_s=context.grid.keep.checkpoint_seconds,
        must_stop=must_stop,
        remark=lambda text: listen(Remark(text, cell.label)),
    )


def identity_of(cell: Cell, context: RunContext) -> str:
    """Return the digest of all that the course of a cell's training depends on."""
    environment = context.environment
    content = {
        "cell": cell.id,
        "found": cell.found,
        "provenance": context.inventory.of(cell).model_dump(mode="json"),
        "device": environment.device,
        "threads": environment.threads,
        "packages": environment.packages,
        "metrics": {m.name: m.contract.source_sha256 for m in context.val_metrics},
        "code": computing_code(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@cache
def computing_code() -> str:
    """Return the digest of this package's own code that computes."""
    found = hashlib.sha256()
    for path in sorted(path for name in COMPUTING for path in _files(PACKAGE / name)):
        found.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else list(place.rglob("*.py"))
