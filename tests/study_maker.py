"""Studies made of given figures, without training anything."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from bench.evaluation import metrics
from bench.evaluation.metric import summarise
from bench.execution.cell import with_values
from bench.study import places
from bench.study.measurement import Measurement
from bench.study.record import Environment, Provenance, Record, SampleCounts
from bench.study.timing import Block, Round, Timing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENVIRONMENT = Environment(
    commit="c" * 40,
    python="3.11",
    packages={"torch": "2.13.0"},
    platform="p",
    device="cpu",
    device_name="a processor",
    threads=2,
)
SOURCES = {"unet": {"networks/unet.py": "1" * 64}, "loss bce": {"terms/bce.py": "2" * 64}}
PROVENANCE = Provenance(data="the data", split="0123", sources=SOURCES)
METRICS = [metrics.load(name) for name in metrics.names()]
CONTRACTS = {metric.name: metric.contract for metric in METRICS}
DIGESTS = {name: contract.source_sha256 for name, contract in CONTRACTS.items()}


def record(cell, **found):
    """A record of a cell; of a trivial baseline, or of a network with a current provenance."""
    provenance = PROVENANCE
    if cell.loss is None:
        provenance = PROVENANCE.model_copy(update={"sources": {}})
    content = {
        "cell": cell,
        "provenance": provenance,
        "samples": SampleCounts(train=6, val=1, test=2),
        "environment": ENVIRONMENT,
        "started_utc": NOW,
        "finished_utc": NOW,
        "metrics": DIGESTS,
    }
    return Record(**content | found)


def measurement(case):
    """How long a network takes, as it was measured without any trouble."""
    timings = {"inference": timing([0.1, 0.2, 0.3])}
    return Measurement(case=case, environment=ENVIRONMENT, measured_utc=NOW, timings=timings)


def timing(*rounds, **of_machine):
    """A timing with a block for each of some rounds' seconds, which had so much of the machine."""
    return Timing(
        rounds=tuple(
            Round(
                number=number,
                blocks=tuple(Block(runs_s=(seconds,), **of_machine) for seconds in blocks),
            )
            for number, blocks in enumerate(rounds, 1)
        )
    )


def scores(**columns):
    """Scores of two test images."""
    return pd.DataFrame({"key": ["a", "b"], "group_background": ["x", "y"], **columns})


def keep(study, grid, records, leakage=None):
    """Write a grid and some records into a study; all images have the values of the summary."""
    study.write_grid(grid, PROVENANCE, CONTRACTS, leakage)
    for found in records:
        tables = {}
        if found.summary is not None:
            values = scores(**found.summary).drop(columns="group_background")
            tables = {places.SCORES: scores(), places.VALUES: values}
        study.write_cell(found, tables)
    return study


def keep_scored(study, grid, tables, leakage=None, provenance=PROVENANCE, **found):
    """Write a grid and its trained cells into a study, by the scores of each.

    Args:
        study, grid: where, and of what.
        tables: gives the table of sums of a cell.
        leakage: what training knew of the test images.
        provenance: of the grid and of its cells.
        found: of the records.
    """
    study.write_grid(grid, provenance, CONTRACTS, leakage)
    for cell in (cell for cell in grid.cells() if cell.loss is not None):
        table = tables(cell)
        kept = with_values({places.SCORES: table}, METRICS)
        summary = summarise(table, METRICS)
        study.write_cell(record(cell, summary=summary, provenance=provenance, **found), kept)
    return study


def sums(iou, rmse, **columns):
    """The sums of images of 64x64 px, a fifth of them object, by their IoU and RMSE (N,)."""
    iou, rmse = np.asarray(iou, float), np.asarray(rmse, float)
    pixels = np.full(len(iou), 4096.0)
    target = pixels / 5
    content = {
        "key": [f"k{number}" for number in range(len(iou))],
        "mask_pixels": pixels,
        "tp": iou * target,
        "fp": 0 * iou,
        "fn": (1 - iou) * target,
        "predicted_boundary": iou,
        "target_boundary_hits": iou,
        "changed_pixels": pixels / 4,
        "depth_pixels": pixels,
        "predicted_depth": pixels / 2,
        "target_depth": pixels / 2,
        "squared_error": rmse**2 * pixels,
        "abs_error": rmse * pixels,
        "log_error": rmse * pixels,
        "depth_change": pixels / 8,
    }
    return pd.DataFrame(content | columns)


def contents(folder):
    """Every file below a folder, by its place in there."""
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
