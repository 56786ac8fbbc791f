"""A trained network's scores as the Hugging Face hub reads them.

Both formats name the images by the id of a dataset on the hub, so that there is nothing to write of
images that are not there. `.eval_results/*.yaml` in a model's repository shows its scores beside
those of other models if the dataset is registered as a benchmark whose tasks are named as our
metrics (https://huggingface.co/docs/hub/eval-results); ``model-index`` in the header of its card is
the older format (https://github.com/huggingface/hub-docs/blob/main/modelcard.md).
"""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path
from typing import Any

import yaml

from bench.errors import InputError
from bench.report.columns import Column, score_columns
from bench.report.leaderboard import Leaderboard
from bench.report.setting import size
from bench.study.record import Record
from bench.study.results import Results

TASKS = {"mask": "image-segmentation", "depth": "depth-estimation"}  # as the hub calls them
LONGEST_ID = 96  # letters
_ID = re.compile(r"\w+([.-]?\w+)*/\w+([.-]?\w+)*", re.ASCII)


def check_dataset(dataset: str) -> None:
    """Raise an error if no dataset on the hub can have this id.

    Raises:
        InputError: says what the id has to be.
    """
    if len(dataset) > LONGEST_ID or _ID.fullmatch(dataset) is None:
        raise InputError(
            f"--dataset {dataset}: give the dataset's id on the Hugging Face hub, as OWNER/NAME"
        )


def eval_results(results: Results, record: Record, board: Leaderboard | None, dataset: str) -> str:
    """Return the scores of a cell's network as a file for ``.eval_results/``.

    Args:
        results: the study.
        record: of the cell.
        board: on which it stands, whose metrics are written; None: all that were taken.
        dataset: the id on the hub of the dataset whose images were tested on.
    """
    notes = (
        f"{record.cell.label}; {record.samples.test} test images at "
        f"{size(record.cell.data.image_size)}, split {record.provenance.split}"
    )
    entries = [
        {
            "dataset": {"id": dataset, "task_id": column.key},
            "value": value,
            "date": record.finished_utc.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "notes": notes,
        }
        for column, value in _scores(results, record, board)
    ]
    return yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=1000)


def model_index(
    results: Results, record: Record, board: Leaderboard | None, dataset: str
) -> list[dict[str, Any]]:
    """Return the scores of a cell's network for the header of its model card.

    Args:
        results: the study.
        record: of the cell.
        board: on which it stands, whose metrics are written; None: all that were taken.
        dataset: the id on the hub of the dataset whose images were tested on.
    """
    scores = _scores(results, record, board)
    name = ", ".join(Path(file).name for file in record.cell.data.files)
    found = [
        {
            "task": {"type": TASKS[task]},
            "dataset": {"type": dataset, "name": name},
            "metrics": [
                {"type": column.key, "value": value, "name": column.name}
                for column, value in scores
                if column.task == task
            ],
        }
        for task in TASKS
    ]
    return [{"name": record.cell.label, "results": [one for one in found if one["metrics"]]}]


def _scores(
    results: Results, record: Record, board: Leaderboard | None
) -> list[tuple[Column, float]]:
    """The metrics of these weights."""
    columns = shown_columns(results, record, board)
    values = [(column, column.read(record, ())) for column in columns]
    return [(column, value) for column, value in values if value is not None]


def shown_columns(results: Results, record: Record, board: Leaderboard | None) -> list[Column]:
    """Return the metrics that a cell's board shows; of one that stands on none, all it has."""
    contracts = results.contracts()
    if board is None:
        return score_columns(record.summary or {}, contracts)
    return [column for column in board.columns if column.key in contracts]
