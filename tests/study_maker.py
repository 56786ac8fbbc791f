"""Studies made of given figures, without training anything."""

from datetime import UTC, datetime

import pandas as pd

from bench.evaluation import metrics
from bench.study import places
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
CONTRACTS = {name: metrics.load(name).contract for name in metrics.names()}
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


def keep(study, grid, records):
    """Write a grid and some records with tables of scores into a study."""
    study.write_grid(grid, PROVENANCE, CONTRACTS)
    for found in records:
        tables = {places.SCORES: scores()} if found.summary is not None else {}
        study.write_cell(found, tables)
    return study
