"""Which trackers are there, and how long do they live?"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import needs_extra

if TYPE_CHECKING:
    from bench.events import Listener
    from bench.execution.trackers.contract import Tracker
    from bench.execution.trackers.tracked_runs import TrackedRuns

FINISH_S = 30.0  # that trackers may take to finish when a run is over
STOP_S = 1.0  # the same when it is stopped: cells take up to eight of the ten seconds


class TrackerName(StrEnum):
    """A tracker, and the extra that it needs."""

    JSONL = "jsonl"
    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"
    WANDB = "wandb"


def check_installed(names: Sequence[TrackerName]) -> None:
    """Make sure that there is what the trackers need.

    Raises:
        InputError: an extra is not installed.
    """
    for name in names:
        if name is not TrackerName.JSONL and importlib.util.find_spec(name.value) is None:
            raise needs_extra(f"--track {name.value}", name.value, name.value)


@contextmanager
def tracking(
    names: Sequence[TrackerName], study: Path, device: str, tell: Listener
) -> Iterator[TrackedRuns]:
    """Give a listener for a run; the end of the block waits for the trackers, but not for long.

    Args:
        names: of the trackers, each once however often it is named.
        study: the folder of the study; trackers write to ``tracking/<name>`` in it.
        device: on which cells are run.
        tell: is told, here and in the block, which tracker fails.

    Raises:
        InputError: a tracker cannot be used as it is set up.
    """
    from bench.execution.trackers.background import Background  # noqa: PLC0415 - not for --help
    from bench.execution.trackers.tracked_runs import TrackedRuns  # noqa: PLC0415

    opened = [(name, _open(name, study.absolute())) for name in dict.fromkeys(names)]
    at_work = [Background(name.value, tracker, tell) for name, tracker in opened]
    left_s = FINISH_S
    try:
        yield TrackedRuns(at_work, device)
    except KeyboardInterrupt:
        left_s = STOP_S
        raise
    finally:
        for one in at_work:
            one.close()
        deadline = time.monotonic() + left_s
        for one in at_work:
            one.wait(deadline)


def _open(name: TrackerName, study: Path) -> Tracker:
    """Import a tracker, with its library, and make it; nothing is written before it is told."""
    from bench.study import places  # noqa: PLC0415

    folder = study / places.TRACKING / name.value
    match name:
        case TrackerName.JSONL:
            from bench.execution.trackers.jsonl import JsonLines  # noqa: PLC0415

            return JsonLines(folder)
        case TrackerName.TENSORBOARD:
            from bench.execution.trackers.tensorboard import TensorBoard  # noqa: PLC0415

            return TensorBoard(folder)
        case TrackerName.MLFLOW:
            from bench.execution.trackers.mlflow import MLflow  # noqa: PLC0415

            return MLflow(folder, study.name)
        case TrackerName.WANDB:
            from bench.execution.trackers.wandb import WandB  # noqa: PLC0415

            return WandB(folder.parent, study.name)
