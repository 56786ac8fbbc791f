"""Runs for TensorBoard: scalars, texts and hyperparameters in a folder of event files for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from bench.execution.trackers.contract import Outcome, Run
from bench.text import shortened

FLUSH_S = 10  # between two writings to the disk
MAX_LABEL = 120  # characters of a label in a folder's name


class TensorBoard:
    """A tracker that writes event files into ``<label>-<id>/``.

    A cell that goes on after it was killed, or is run again, writes a further file into its folder;
    of the earlier ones TensorBoard then shows what lies before the step from which it goes on.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}  # their types say nothing of what is used here
        self._resumed: set[str] = set()  # runs that have begun and told no step yet

    def begin(self, run: Run) -> None:
        """Write the parameters, as a table and as hyperparameters."""
        self._resumed.add(run.id)
        if run.id in self._writers:
            return
        name = re.sub(r"[^\w.,=+()* -]+", "_", shortened(run.label, MAX_LABEL))
        writer: Any = SummaryWriter(str(self._folder / f"{name}-{run.id}"), flush_secs=FLUSH_S)
        self._writers[run.id] = writer
        rows = "".join(f"    {name} = {value}\n" for name, value in run.parameters.items())
        writer.add_text("parameters", rows)  # four spaces make it code in Markdown
        _, start, _ = hparams(run.parameters, {})  # type: ignore[no-untyped-call]
        writer.file_writer.add_summary(start)

    def curve(self, run: Run, figures: Mapping[str, float], step: int) -> None:
        """Add scalars."""
        writer = self._writers[run.id]
        if run.id in self._resumed:
            self._resumed.remove(run.id)
            start = SessionLog(status=SessionLog.START)  # hides this step and later ones so far
            writer.file_writer.add_event(Event(step=step, session_log=start))
        for name, value in figures.items():
            writer.add_scalar(name, value, step)

    def remark(self, run: Run, text: str) -> None:
        """Add a text."""
        self._writers[run.id].add_text("remarks", f"    {text}")

    def end(self, run: Run, outcome: Outcome) -> None:
        """Add the final figures as scalars, and close the file."""
        writer = self._writers.pop(run.id)
        for name, value in outcome.figures.items():
            writer.add_scalar(name, value)
        if outcome.failure is not None:
            writer.add_text("failure", f"    {outcome.kind}: {outcome.failure}")
        else:
            _, _, success = hparams(run.parameters, {})  # type: ignore[no-untyped-call]
            writer.file_writer.add_summary(success)
        writer.close()

    def close(self) -> None:
        """Write what is left."""
        for writer in self._writers.values():
            writer.close()
