"""From a study of an earlier format to the present one.

Format 1 had `grid.json`, ids that depended on paths, and records without provenance. What it did
not record stays unknown: `bench run` takes its cells for stale, and `--keep-stale` keeps them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.errors import InputError
from bench.files import atomic_folder
from bench.settings.base import STORED
from bench.settings.grid import Grid
from bench.study import places
from bench.study.measurement import Measurement
from bench.study.record import MetricContract, Provenance, Record
from bench.study.study import Study

UNKNOWN_DIGEST = "0" * 64


def migrate(folder: Path, metrics: Mapping[str, MetricContract]) -> None:
    """Bring a study of format 1 to the present format; it is replaced when all is done.

    Args:
        folder: of the study.
        metrics: what they are at present, which the study did not keep.

    Raises:
        InputError: there is no such study, or it is damaged.
    """
    old_grid = folder / places.GRID_FILE
    if not old_grid.exists():
        raise InputError(f"{folder}: holds no study of format 1")
    with atomic_folder(folder) as partial:
        study = Study(partial)
        records = [
            (path, _read(path, _record)) for path in sorted(folder.glob("cells/*/record.json"))
        ]
        for path, record in records:
            scores = path.with_name("scores.parquet")
            study.write_cell(record, {places.SCORES: _table(scores)} if scores.exists() else {})
        for path in sorted(folder.glob("throughput/*.json")):
            study.write_measurement(_read(path, _measurement))
        split = records[0][1].provenance.split if records else ""
        grid = _read(old_grid, _grid)
        study.write_grid(grid, Provenance(data=None, split=split), dict(metrics))
        for path in folder.iterdir():
            if path.is_file() and path != old_grid:
                shutil.copy2(path, partial)


def _read(path: Path, convert: Any) -> Any:
    try:
        return convert(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        text = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be migrated: {text[:200]}") from None


def _table(path: Path) -> Any:
    import pandas as pd  # noqa: PLC0415 - takes long, and few commands need it

    return pd.read_parquet(path)


def _grid(content: dict[str, Any]) -> Grid:
    for architecture in content["architectures"]:
        architecture.pop("source_sha256", None)
    _mend_train(content["train"])
    return Grid.model_validate(content, context=STORED)


def _record(content: dict[str, Any]) -> Record:
    cell = content["cell"]
    cell["architecture"].pop("source_sha256", None)
    _mend_train(cell["train"])
    summary = content.pop("summary", None)
    consistency = (summary or {}).pop("consistency_rmse", None)
    curve = [{**epoch, "val": _summary(epoch["val"])} for epoch in content.pop("curve", [])]
    terms = [_renamed(term, head="task") for term in content.pop("terms", [])]
    executions = [
        _renamed(execution, parts="accumulation_steps", data_kept="data_location")
        for execution in content.pop("executions", [])
    ]
    content["environment"] = _environment(content["environment"])
    content |= {
        "format": 2,
        "provenance": {"data": None, "split": content.pop("split_digest")},
        "summary": None if summary is None else _summary(summary),
        "consistency": None if consistency is None else {"rmse": consistency},
    }
    content["metrics"] = dict.fromkeys(content["summary"] or {}, UNKNOWN_DIGEST)
    if curve:
        content["training"] = {"curve": curve, "terms": terms, "executions": executions}
    return Record.model_validate_json(json.dumps(content), context=STORED)


def _measurement(content: dict[str, Any]) -> Measurement:
    case = content.pop("subject")
    for network in (case["architecture"], case.get("teacher") or {}):
        network.pop("source_sha256", None)
    _mend_recipe(case["recipe"], case["recipe"])
    content["environment"] = _environment(content["environment"])
    content |= {"format": 2, "case": case}
    return Measurement.model_validate_json(json.dumps(content), context=STORED)


def _environment(old: dict[str, Any]) -> dict[str, Any]:
    commit = old["commit"] or ""
    clean = commit.removesuffix("-dirty")
    return {**old, "commit": clean or None, "dirty": commit != clean}


def _summary(old: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in old.items() if name != "images" and value is not None}


def _renamed(content: dict[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in content.items()}


def _mend_train(train: dict[str, Any]) -> None:
    teacher = train.get("teacher")
    if teacher:
        teacher["architecture"].pop("source_sha256", None)
        _mend_recipe(teacher, teacher)
    for stage in train["stages"]:
        _mend_recipe(stage, train)
    _mend_recipe(train, train)


def _mend_recipe(recipe: dict[str, Any], whole: dict[str, Any]) -> None:
    """Take out of a recipe what the older code kept in it and did not use.

    Args:
        recipe: of a stage.
        whole: what holds where the stage has nothing of its own.
    """
    schedule = recipe.get("schedule") or whole["schedule"]
    cycles = schedule["name"] == "one_cycle"
    if cycles or (recipe.get("optimizer") or whole["optimizer"]) != "sgd":
        recipe.pop("momentum", None)
    if not cycles and "schedule" in recipe:
        recipe["schedule"] = {"name": schedule["name"]}
