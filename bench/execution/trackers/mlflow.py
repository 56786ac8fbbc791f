"""Runs for MLflow: in the study's folder, or on the server that MLFLOW_TRACKING_URI names."""

from __future__ import annotations

import importlib
import logging
import os
import re
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.execution.trackers.contract import Outcome, Run

CELL = "bench.id"  # the tag by which a run is found again
NOTE = "mlflow.note.content"  # the tag that MLflow shows as the run's description
FAILURE = {"failure", "failure_kind"}  # the tags that say why a run has failed
MAX_BATCH = 100  # parameters that MLflow takes at a time


class MLflow:
    """A tracker that writes to the experiment with the study's name.

    A cell that goes on or is run again goes on with its run; what was told twice stands there twice
    over the same steps, and MLflow shows the later figure as the run's.

    Args:
        folder: for the database, and what belongs to it, where no server is named.
        experiment: its name.
    """

    def __init__(self, folder: Path, experiment: str) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it reports home otherwise
        self._entities: Any = importlib.import_module("mlflow.entities")
        self._mlflow: Any = importlib.import_module("mlflow")
        logging.getLogger("mlflow").setLevel(logging.ERROR)  # it would write over the display
        self._folder, self._experiment_name = folder, experiment
        self._runs: dict[str, str] = {}  # MLflow's id of each run that is at work
        self._notes: dict[str, list[str]] = {}

    def begin(self, run: Run) -> None:
        """Write the parameters that the run does not have yet: MLflow lets none change."""
        if run.id in self._runs:
            return
        experiment = self._experiment
        found = self._client.search_runs([experiment], f"tags.`{CELL}` = '{run.id}'", max_results=1)
        if found:
            kept = found[0]
            self._client.update_run(kept.info.run_id, status="RUNNING")
            for tag in FAILURE & kept.data.tags.keys():
                self._client.delete_tag(kept.info.run_id, tag)
        else:
            kept = self._client.create_run(experiment, tags={CELL: run.id}, run_name=run.label)
        self._runs[run.id] = kept.info.run_id
        self._notes[run.id] = kept.data.tags.get(NOTE, "").splitlines()
        new = [
            self._entities.Param(_name(name), str(value))
            for name, value in run.parameters.items()
            if _name(name) not in kept.data.params
        ]
        for first in range(0, len(new), MAX_BATCH):
            self._client.log_batch(kept.info.run_id, params=new[first : first + MAX_BATCH])

    def curve(self, run: Run, figures: Mapping[str, float], step: int) -> None:
        """Add metrics."""
        now_ms = int(time.time() * 1000)
        metrics = [
            self._entities.Metric(_name(name), value, now_ms, step)
            for name, value in figures.items()
        ]
        self._client.log_batch(self._runs[run.id], metrics=metrics)

    def remark(self, run: Run, text: str) -> None:
        """Add to the description."""
        self._notes[run.id].append(text)
        self._client.set_tag(self._runs[run.id], NOTE, "\n".join(self._notes[run.id]))

    def end(self, run: Run, outcome: Outcome) -> None:
        """Add the final figures as metrics, and a failure as tags."""
        self.curve(run, outcome.figures, step=0)
        run_id = self._runs.pop(run.id)
        for tag, text in (("failure", outcome.failure), ("failure_kind", outcome.kind)):
            if text is not None:
                self._client.set_tag(run_id, tag, text)
        self._client.set_terminated(run_id, "FINISHED" if outcome.failure is None else "FAILED")

    def close(self) -> None:
        """Mark what has not ended."""
        for run_id in self._runs.values():
            self._client.set_terminated(run_id, "KILLED")

    @cached_property
    def _client(self) -> Any:
        """Made when it is first needed: a database is made then, or a server asked."""
        server = os.environ.get("MLFLOW_TRACKING_URI")
        if not server:
            self._folder.mkdir(parents=True, exist_ok=True)
        return self._mlflow.MlflowClient(server or f"sqlite:///{self._folder}/mlflow.db")

    @cached_property
    def _experiment(self) -> str:
        """The id of the experiment."""
        found = self._client.get_experiment_by_name(self._experiment_name)
        if found is None:
            has_server = bool(os.environ.get("MLFLOW_TRACKING_URI"))
            where = None if has_server else (self._folder / "artifacts").as_uri()
            return str(self._client.create_experiment(self._experiment_name, where))
        return str(found.experiment_id)


def _name(text: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^\w\-. :/]", "_", text)
