"""Runs that are watched, and what of a study must not depend on how it was run."""

import torch

from bench.events import CellStarted
from bench.execution.run import has_to_run, look_ahead

CPU = torch.device("cpu")


class Watch:
    """A listener that remembers the cells it was told of, and may interrupt like Ctrl-C."""

    def __init__(self, stop_before=None):
        self.started = []
        self.stop_before = stop_before

    def __call__(self, event):
        if isinstance(event, CellStarted):
            if event.number == self.stop_before:
                raise KeyboardInterrupt
            self.started.append(event.cell.label)


def figures(study):
    """Every number that must not depend on when or how often a cell is run."""
    results = study.load()
    return {
        cell_id: (
            record.summary,
            [epoch.losses for epoch in record.training.curve] if record.training else None,
            results.scores(cell_id).to_csv(),
        )
        for cell_id, record in results.records.items()
    }


def missing(question, study):
    """The cells that a run would do something about."""
    planned = look_ahead(question, study)
    return [p.cell for p in planned if has_to_run(p)]


def outcomes(study):
    return {
        cell_id: (r.summary, r.training and r.training.terms, r.failure, r.samples)
        for cell_id, r in study.load().records.items()
    }
