"""A study as `bench.load` gives it: its tables, and the networks that were trained."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from architectures import ArchitectureError
from bench.errors import InputError
from bench.report.chosen import BEST, find_cell
from bench.report.frames import Frames
from bench.study.plan import changed_code
from bench.study.record import Record
from user_code import forget_changed

if TYPE_CHECKING:
    from torch import nn

    from bench.inference.predictor import Predictor


class LoadedStudy(Frames):
    """The tables of `bench.report.frames.Frames`, and the networks."""

    def network(self, cell: str) -> nn.Module:
        """Return the trained network of a cell, on the CPU and in evaluation mode.

        Args:
            cell: its id, as in the tables, or the beginning of it; or ``best``, see
                `bench.report.chosen.find_cell`.

        Warns:
            UserWarning: the network's code is not what it was, so that it may predict otherwise; or
                the ``best`` row lacks seeds.

        Raises:
            InputError: there is no such cell, or more than one; its weights were not kept; or its
                code is not there.
        """
        from bench.inference.load import network  # noqa: PLC0415 - it loads torch

        record = find_cell(self.results, cell)
        changes = ", ".join(_changes(record))
        if changes:
            warnings.warn(f"{record.cell.label}: may predict otherwise: {changes}", stacklevel=2)
        return network(self.results, record)

    def predictor(self, cell: str = BEST, *, device: str = "auto") -> Predictor:
        """Return the trained network of a cell, ready for pictures of any size.

        Args:
            cell: as `network` has it.
            device: auto, cuda, mps or cpu.

        Warns, raises: as `network` does; and if there is no such device.
        """
        from bench.inference.description import Description  # noqa: PLC0415 - it loads torch
        from bench.inference.predictor import Predictor  # noqa: PLC0415 - it loads torch
        from bench.machine.device import choose  # noqa: PLC0415 - it loads torch

        record = find_cell(self.results, cell)
        chosen = choose(device)
        return Predictor(self.network(record.cell.id), Description.of(record.cell), chosen)


def _changes(record: Record) -> Iterator[str]:
    """What of the code that a network runs is not what it was."""
    from bench.execution.provenance import code_of_network  # noqa: PLC0415 - it loads torch

    forget_changed()
    try:
        present = code_of_network(record.cell)
    except ArchitectureError as error:
        raise InputError(f"{record.cell.label}: {error}") from None
    return changed_code(record.provenance.sources, present)
