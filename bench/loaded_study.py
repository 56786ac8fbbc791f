"""A study as `bench.load` gives it: its tables, and the networks that were trained."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from architectures.user_code import forget_changed
from bench.report.frames import Frames
from bench.study.plan import changed_code

if TYPE_CHECKING:
    from torch import nn


class LoadedStudy(Frames):
    """The tables of `bench.report.frames.Frames`, and the networks."""

    def network(self, cell: str) -> nn.Module:
        """Return the trained network of a cell, on the CPU and in evaluation mode.

        Args:
            cell: its id, as in the tables, or the beginning of it.

        Warns:
            UserWarning: the network's code is not what it was, so that it may predict otherwise.

        Raises:
            InputError: there is no such cell, or more than one; or its weights were not kept.
        """
        from bench.execution.provenance import Inventory  # noqa: PLC0415 - it loads torch
        from bench.inference.load import network  # noqa: PLC0415 - it loads torch

        record = self.results.find(cell)
        forget_changed()
        present = Inventory("", "").of(record.cell).sources
        recorded = dict(record.provenance.sources)
        for what in [what for what in recorded if what == "decoding" or what.startswith("loss ")]:
            del recorded[what]  # which no network needs
        if changes := ", ".join(changed_code(recorded, present)):
            warnings.warn(f"{record.cell.label}: may predict otherwise: {changes}", stacklevel=2)
        return network(self.results, record)
