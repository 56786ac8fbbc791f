"""Which metrics are there?

A metric is found by its file: `bench/evaluation/metrics/rmse.py` holds the metric `rmse`. The names
are read from the folder and a file is imported only when its metric is used. A user's own one is
asked for as `path/to/file.py:name`, the path relative to the working folder. No metric needs torch.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from bench.errors import InputError, suggestion
from bench.evaluation.metric import Metric
from bench.settings import identity
from bench.study import sources
from user_code import find_file, importing, load_file


def names() -> list[str]:
    """Return the names of all metrics of this package, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(spec: str) -> Metric:
    """Import a metric: a name of `names()`, or `path/to/file.py:name`.

    Returns:
        The metric; of a user's own, the folder of its file is no part of the name.

    Raises:
        InputError: there is no such metric, or its file cannot be imported or changed since it
            was.
    """
    where, colon, name = spec.rpartition(":")
    module = _user_file(spec, where) if colon else _file(spec)
    found = getattr(module, name, None)
    if not isinstance(found, Metric):
        there = [name for name, value in vars(module).items() if isinstance(value, Metric)]
        raise InputError(f"metrics: {spec}: no @metric is called {name!r}{suggestion(name, there)}")
    if not colon:
        return found
    # The files beside it that it imports define it too.
    files = "".join(sources.digests(sources.closure(found.path)).values())
    digest = {"source_sha256": hashlib.sha256(files.encode()).hexdigest()}
    return replace(
        found, name=identity.of_metric(spec), contract=found.contract.model_copy(update=digest)
    )


def _file(name: str) -> ModuleType:
    if name not in names():
        near = suggestion(name, [*names(), "path/to/file.py:NAME"])
        raise InputError(f"metrics: unknown metric {name!r}{near}")
    return importlib.import_module(f"{__name__}.{name}")


def _user_file(spec: str, where: str) -> ModuleType:
    path = find_file(where) if where.endswith(".py") else None
    if path is None:
        raise InputError(f"metrics: {spec}: there is no Python file {where} (in {Path.cwd()})")
    try:
        with importing():
            return load_file(path)
    except ImportError as error:
        raise InputError(f"metrics: {spec}: {error}") from error
