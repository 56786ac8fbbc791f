"""From a study of an earlier format to the present one.

Format 1 had `grid.json`, ids that depended on paths, and records without provenance. What it did
not record stays unknown: `bench run` takes its cells for stale, and `--keep-stale` keeps them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.errors import InputError
from bench.files import atomic_folder
from bench.settings.base import STORED
from bench.settings.grid import Grid
from bench.settings.losses import LossPair
from bench.study import places
from bench.study.measurement import Measurement
from bench.study.record import UNKNOWN_VERSION, MetricContract, Provenance, Record
from bench.study.study import Study
from bench.study.timing_case import END_TO_END, INFERENCE, LATENCY, training_figure

if TYPE_CHECKING:
    import pandas as pd

Kept = TypeVar("Kept", Grid, Record, Measurement)

# What reading a file of an unexpected shape may raise.
MALFORMED = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
SCORES_FILE = "scores.parquet"


def migrate(folder: Path, metrics: Mapping[str, MetricContract]) -> None:
    """Bring a study of format 1 to the present format; it is replaced when all is done.

    What the format does not know, as notes and plots, is kept where it is, or goes with its cell.

    Args:
        folder: of the study.
        metrics: what they are at present, which the study did not keep.

    Raises:
        InputError: there is no such study, it is damaged, or it cannot be brought to the present
            format without a loss. It is as it was.
    """
    folder = folder.resolve()
    if not (folder / places.GRID_FILE).exists():
        raise InputError(f"{folder}: holds no study of format 1")
    if Path.cwd().is_relative_to(folder):
        raise InputError(f"{folder}: is replaced as a whole, so call this from outside of it")
    try:
        with atomic_folder(folder) as partial:
            _convert(folder, Study(partial), metrics)
    except OSError as error:
        raise InputError(f"{folder}: cannot be migrated: {_in_a_line(error)}") from None


def _convert(folder: Path, study: Study, metrics: Mapping[str, MetricContract]) -> None:
    """Write into an empty study all that there is in the folder of an old one."""
    cells = _read_all(folder.glob("cells/[!.]*/record.json"), _record, lambda r: r.cell.id)
    timings = _read_all(folder.glob("throughput/[!.]*.json"), _measurement, lambda m: m.id)
    grid = _read(folder / places.GRID_FILE, _grid)
    for path, record in cells.items():
        study.write_cell(record, _tables(path, record))
    for measurement in timings.values():
        study.write_measurement(measurement)
    split = next((record.provenance.split for record in cells.values()), "")
    study.write_grid(grid, Provenance(data=None, split=split), dict(metrics))

    for path, record in cells.items():
        tables = {SCORES_FILE} if record.summary is not None else set()
        _keep(path.parent, study.folder / places.CELLS / record.cell.id, {path.name, *tables})
    done = {
        places.CELLS: {path.parent.name for path in cells},
        places.THROUGHPUT: {path.name for path in timings},
    }
    folders = [place for place in done if (folder / place).is_dir()]
    for place in folders:
        _keep(folder / place, study.folder / place, done[place])
    _keep(folder, study.folder, {places.GRID_FILE, *folders})


def _read_all(
    paths: Iterable[Path], convert: Callable[[Any], Kept], id_of: Callable[[Kept], str]
) -> dict[Path, Kept]:
    """Read what the paths hold; no two of them may be one in the present format."""
    found: dict[Path, Kept] = {}
    first: dict[str, Path] = {}
    for path in sorted(paths):
        found[path] = _read(path, convert)
        same = first.setdefault(id_of(found[path]), path)
        if same != path:
            raise InputError(
                f"{path}: cannot be migrated: it is the same experiment as {same}, but for paths "
                "and defaults; move one of them out of the study"
            )
    return found


def _keep(source: Path, target: Path, done: Collection[str]) -> None:
    """Copy what is in a folder, but for what is ``done``, whatever it is."""
    for path in sorted(source.iterdir()):
        if path.name in done:
            continue
        copy = target / path.name
        if os.path.lexists(copy):
            raise InputError(
                f"{path}: the present format has something of its own there; rename it"
            )
        target.mkdir(exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, copy, symlinks=True)
        else:
            shutil.copy2(path, copy, follow_symlinks=False)


def _read(path: Path, convert: Callable[[Any], Kept]) -> Kept:
    try:
        return convert(json.loads(path.read_bytes()))
    except MALFORMED as error:
        raise InputError(f"{path}: cannot be migrated: {_in_a_line(error)}") from None


def _tables(path: Path, record: Record) -> dict[str, pd.DataFrame]:
    """Read the scores beside a record."""
    import pandas as pd  # noqa: PLC0415 - takes long, and few commands need it

    if record.summary is None:
        return {}
    scores = path.with_name(SCORES_FILE)
    if record.consistency is not None or not scores.exists():
        raise InputError(
            f"{path}: holds figures without their scores, which the present format needs; run the "
            "grid again into another folder"
        )
    try:
        return {places.SCORES: pd.read_parquet(scores)}
    except MALFORMED as error:
        raise InputError(f"{scores}: cannot be migrated: {_in_a_line(error)}") from None


def _in_a_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _grid(content: dict[str, Any]) -> Grid:
    for architecture in content["architectures"]:
        architecture.pop("source_sha256", None)
    _mend_train(content["train"])
    return Grid.model_validate_json(json.dumps(content), context=STORED)


def _record(content: dict[str, Any]) -> Record:
    cell = content["cell"]
    cell["architecture"].pop("source_sha256", None)
    _mend_train(cell["train"])
    summary = content.pop("summary", None)
    consistency = (summary or {}).pop("consistency_rmse", None)
    curve = [{**epoch, "val": _summary(epoch["val"])} for epoch in content.pop("curve", [])]
    terms = [_renamed(term, head="task") for term in content.pop("terms", [])]
    executions = [_execution(execution) for execution in content.pop("executions", [])]
    content["environment"] = _environment(content["environment"])
    content |= {
        "format": 2,
        "provenance": {"data": None, "split": content.pop("split_digest")},
        "summary": None if summary is None else _summary(summary),
        "consistency": None if consistency is None else {"rmse": consistency},
    }
    content["metrics"] = dict.fromkeys(content["summary"] or {}, UNKNOWN_VERSION)
    if curve:
        content["training"] = {"curve": curve, "terms": terms, "executions": executions}
    return Record.model_validate_json(json.dumps(content), context=STORED)


def _execution(old: dict[str, Any]) -> dict[str, Any]:
    new = _renamed(old, parts="accumulation_steps", data_kept="data_location")
    return new | {"out_of_memory": new["accumulation_steps"] > 1 or new["checkpointing"]}


def _measurement(content: dict[str, Any]) -> Measurement:
    case = content.pop("subject")
    for network in (case["architecture"], case.get("teacher") or {}):
        network.pop("source_sha256", None)
    _mend_recipe(case["recipe"], case["recipe"])
    case["trainings"] = [{"loss": case.pop("loss")}]
    training = training_figure(LossPair.model_validate(case["trainings"][0]["loss"]))
    figures = {
        "inference": INFERENCE,
        "training": training,
        "latency": LATENCY,
        "end_to_end": END_TO_END,
    }
    timings = {figure: content.pop(name, None) for name, figure in figures.items()}
    reference, sweep = content.pop("reference", None), content.pop("sweep", None)
    del content["matmul_precision"]  # the case has the precision
    content["environment"] = _environment(content["environment"])
    content |= {
        "format": 3,
        "case": case,
        "timings": {name: _timing(old) for name, old in timings.items() if old is not None},
        "sweep": sweep and {**sweep, "points": [_point(point) for point in sweep["points"]]},
        "reference": reference
        and {
            "label": reference["label"],
            "seconds": {
                figure: dict(enumerate(reference[name]["round_medians_s"], 1))
                for name, figure in figures.items()
                if reference.get(name) is not None
            },
        },
    }
    return Measurement.model_validate_json(json.dumps(content), context=STORED)


def _timing(old: dict[str, Any]) -> dict[str, Any]:
    """Every sample is a block; what it had of the machine was not recorded."""
    return {
        "rounds": [
            {"number": number, "blocks": [{"runs_s": [seconds]} for seconds in samples]}
            for number, samples in enumerate(old["samples_s"], 1)
        ]
    }


def _point(old: dict[str, Any]) -> dict[str, Any]:
    size = old["batch_size"]
    return {"batch_size": size, "images_per_s": size / old["timing"]["median_s"]}


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
