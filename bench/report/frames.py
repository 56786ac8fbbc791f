"""A study as pandas tables, for whoever computes further with it.

| table | one row for each | columns |
|---|---|---|
| ``leaderboard`` | row of a leaderboard | see `bench.report.board_frame` |
| ``scores`` | complete cell and test image | ``cell`` (its id), ``architecture``, ``loss``, ``seed``, ``key``, ``group_<column>`` of the archive, and the sums that the metrics read |
| ``values`` | the same | the same up to ``key``, and each metric |
| ``curves`` | trained cell and epoch | ``cell``, ``architecture``, ``loss``, ``seed``, ``network`` (``own`` or ``teacher``), ``stage``, ``step``, ``train_s``, ``selected``, ``loss_<task>``, ``val_<metric>`` |
| ``timings`` | network, loss that it was trained with, and machine | ``id``, ``architecture``, ``loss``, ``machine``, ``failure``, and the speed columns of a leaderboard with their intervals |
"""  # noqa: E501 - a table's row is a line

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bench.report.board_frame import board_frame, ends_of
from bench.report.columns import COST_COLUMNS
from bench.report.leaderboard import leaderboards
from bench.report.selection import EVERYTHING
from bench.settings.cell import Cell
from bench.study import places
from bench.study.record import Epoch, Record
from bench.study.results import Results


@dataclass(frozen=True)
class Frames:
    """The tables of a study, each made when it is asked for; see the top of this module.

    Attributes:
        results: all that the study holds.
    """

    results: Results

    @cached_property
    def leaderboard(self) -> pd.DataFrame:
        """The rows of the leaderboards, in their order; baselines last."""
        return board_frame(EVERYTHING.of(leaderboards(self.results)))

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The per-image scores of all complete cells."""
        return self._tables(places.SCORES, self._complete())

    @cached_property
    def values(self) -> pd.DataFrame:
        """What each metric makes of the scores of each image."""
        complete = self._complete()
        with_values = {id_: r for id_, r in complete.items() if self.results.has_values(id_)}
        return self._tables(places.VALUES, with_values)

    def _complete(self) -> dict[str, Record]:
        return {id_: r for id_, r in self.results.records.items() if r.summary is not None}

    def _tables(self, table: str, records: dict[str, Record]) -> pd.DataFrame:
        tables = [
            self.results.scores(cell_id, table).assign(**_named(record.cell))
            for cell_id, record in records.items()
        ]
        if not tables:
            return pd.DataFrame(columns=["cell", "architecture", "loss", "seed", "key"])
        together = pd.concat(tables, ignore_index=True)
        first = ["cell", "architecture", "loss", "seed"]
        return together[[*first, *together.columns.drop(first)]]

    @cached_property
    def curves(self) -> pd.DataFrame:
        """The training curves of all cells."""
        return pd.DataFrame(
            {**_named(record.cell), "network": network, **_flat(epoch)}
            for record in self.results.records.values()
            for network, training in (("own", record.training), ("teacher", record.teacher))
            if training is not None
            for epoch in training.curve
        )

    @cached_property
    def timings(self) -> pd.DataFrame:
        """What was measured of the networks' speed."""
        return pd.DataFrame(
            {
                "id": measured.id,
                "architecture": measured.case.architecture.label,
                "loss": training.loss.label,
                "machine": measured.environment.machine,
                "failure": measured.failure,
                **{
                    column.key: column.of_speed(measured, training.loss)
                    for column in COST_COLUMNS
                    if column.of_speed is not None
                },
                **{
                    f"{column.key}{end}": value
                    for column in COST_COLUMNS
                    if column.of_timing is not None
                    for end, value in ends_of(column.of_timing(measured, training.loss)).items()
                },
            }
            for measured in self.results.measurements.values()
            for training in measured.case.trainings
        )


def _named(cell: Cell) -> dict[str, Any]:
    return {
        "cell": cell.id,
        "architecture": cell.architecture.label,
        "loss": None if cell.loss is None else cell.loss.label,
        "seed": cell.seed,
    }


def _flat(epoch: Epoch) -> dict[str, Any]:
    return {
        **epoch.model_dump(include={"stage", "step", "train_s", "selected"}),
        **{f"loss_{task}": loss for task, loss in epoch.losses.items()},
        **{f"val_{metric}": value for metric, value in epoch.val.items()},
    }
