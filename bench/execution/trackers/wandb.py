"""Runs for Weights & Biases: sent to its server, or kept in the study with WANDB_MODE=offline."""

from __future__ import annotations

import atexit
import importlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import InputError
from bench.execution.trackers.contract import Outcome, Run

INTERRUPTED = 130  # exit code of a run that has not ended
MAX_PROJECT = 128  # characters of a project's name


class WandB:
    """A tracker that writes to the project with the study's name, or the one of WANDB_PROJECT.

    The id of a run is its cell's: on the server a cell that goes on or is run again goes on with
    its run. Offline each time makes a folder, with the same id in it.

    Args:
        folder: W&B makes one named ``wandb`` in it.
        project: its name.

    Raises:
        InputError: it is to be sent to a server, and that knows no user.
    """

    def __init__(self, folder: Path, project: str) -> None:
        self._wandb: Any = importlib.import_module("wandb")
        self._folder, self._project = folder, re.sub(r"[/\\#?%:]", "_", project)[:MAX_PROJECT]
        self._runs: dict[str, Any] = {}
        self._is_closed = False
        # Nothing is to be written over the display, nor measured beside a network that is timed.
        self._settings = self._wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        mode = self._wandb.setup(self._settings).settings.mode
        if mode == "online" and not self._is_logged_in():
            raise InputError(
                "--track wandb: nobody is logged in; `wandb login` first, or set WANDB_MODE=offline"
            )
        atexit.register(self._leave)  # after W&B has registered what waits for its process

    def _is_logged_in(self) -> bool:
        try:
            return bool(self._wandb.login(prompt=False))
        except self._wandb.errors.Error as error:
            raise InputError(
                f"--track wandb: {error}; WANDB_MODE=offline needs no server"
            ) from None

    def begin(self, run: Run) -> None:
        """Write the parameters."""
        if run.id in self._runs:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        begun = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT") or self._project,
            id=run.id,
            name=run.label,
            dir=str(self._folder),
            resume="allow",
            reinit="create_new",  # cells run side by side
            settings=self._settings,
        )
        begun.config.update(dict(run.parameters), allow_val_change=True)
        begun.define_metric("*", step_metric="step")  # W&B's own step may only grow
        self._runs[run.id] = begun

    def curve(self, run: Run, figures: Mapping[str, float], step: int) -> None:
        """Log the figures."""
        self._runs[run.id].log({"step": step, **figures})

    def remark(self, run: Run, text: str) -> None:
        """Add to the notes."""
        begun = self._runs[run.id]
        begun.notes = "\n".join(filter(None, (begun.notes, text)))

    def end(self, run: Run, outcome: Outcome) -> None:
        """Add the final figures, and a failure, to the summary."""
        begun = self._runs.pop(run.id)
        failure = {"failure": outcome.failure, "failure_kind": outcome.kind}
        begun.summary.update(dict(outcome.figures) | (failure if outcome.failure else {}))
        begun.finish(exit_code=0 if outcome.failure is None else 1)

    def close(self) -> None:
        """Mark what has not ended."""
        for begun in self._runs.values():
            begun.finish(exit_code=INTERRUPTED)
        self._is_closed = True

    def _leave(self) -> None:
        """End W&B's process where it has not finished: Python's end would wait for the server.

        All that it was told lies on the disk, for `wandb sync`. What W&B itself offers is
        the setting `finish_timeout`, one for all runs: as short as a run that was stopped needs it,
        it would cut the upload of every cell.
        """
        connection = self._wandb.setup()._connection  # noqa: SLF001
        if connection is not None and connection.owns_service and not self._is_closed:
            connection._cleanup()  # noqa: SLF001 - so that it does not wait
            connection._proc._process.kill()  # noqa: SLF001
